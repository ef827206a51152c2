import { createDetails } from "./details.ts";
import { createProductPage } from "./productpage.ts";
import { createRatings } from "./ratings.ts";
import { createReviews } from "./reviews.ts";
import { type Routes, type Service, startService } from "./server.ts";
import { createSessions } from "./session.ts";

const host = "127.0.0.1";
const nowhere = "http://127.0.0.1:1";
let open: Service[] = [];

async function serve(routes: Routes): Promise<string> {
  const service = await startService(routes, { host, port: 0 });
  open.push(service);
  return `http://${host}:${service.port}`;
}

afterEach(async () => {
  await Promise.all(open.map((service) => service.close()));
  open = [];
});

const reviewsOptions = { podName: "reviews-v2-abc", clusterName: "null" };
const starred = (url: string) => ({ ...reviewsOptions, ratings: { url, starColor: "red", timeoutMs: 1000 } });

async function shop(
  parts: { reviewsUrl?: string; detailsUrl?: string; ratingsUrl?: string } = {},
): Promise<string> {
  return serve(
    createProductPage({
      detailsUrl: parts.detailsUrl ?? nowhere,
      reviewsUrl: parts.reviewsUrl ?? nowhere,
      ratingsUrl: parts.ratingsUrl ?? nowhere,
      sessions: createSessions("a key"),
    }),
  );
}

describe("createRatings()", () => {
  it("answers the stars of each reviewer and takes new ones", async () => {
    const url = await serve(createRatings());
    expect(await (await fetch(`${url}/ratings/0`)).json()).toEqual({
      id: 0,
      ratings: { Reviewer1: 5, Reviewer2: 4 },
    });
    await fetch(`${url}/ratings/0`, { method: "POST", body: '{"Reviewer1": 1}' });
    expect(await (await fetch(`${url}/ratings/0`)).json()).toEqual({ id: 0, ratings: { Reviewer1: 1 } });
  });

  it.each([
    ["/ratings/x", undefined, 400],
    ["/ratings/0", '{"Reviewer1": 9}', 400],
    ["/ratings/0", "{", 400],
    ["/ratings/0", "x".repeat(70_000), 413],
    ["/elsewhere", undefined, 404],
  ])("refuses %s with body %s as %d", async (path, body, status) => {
    const url = await serve(createRatings());
    const response = await fetch(url + path, body === undefined ? {} : { method: "POST", body });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
  });
});

describe("createReviews()", () => {
  it("answers without stars where it is not told of ratings", async () => {
    const url = await serve(createReviews(reviewsOptions));
    const answer = (await (await fetch(`${url}/reviews/0`)).json()) as { reviews: object[] };
    expect(answer.reviews).toEqual([
      { reviewer: "Reviewer1", text: expect.any(String) },
      { reviewer: "Reviewer2", text: expect.any(String) },
    ]);
  });

  it("asks ratings for stars and hands on the trace and who asks", async () => {
    const seen: Record<string, unknown>[] = [];
    const ratings = await serve({
      "GET /ratings/:id": ({ headers }) => {
        seen.push(headers);
        return { body: { id: 0, ratings: { Reviewer1: 3, Reviewer2: 2 } } };
      },
    });
    const url = await serve(createReviews(starred(ratings)));
    const sent = {
      "x-request-id": "r1",
      b3: "1-2-1",
      traceparent: "00-1-2-01",
      "end-user": "jason",
      other: "no",
    };
    const answer = await (await fetch(`${url}/reviews/0`, { headers: sent })).json();
    expect(answer).toMatchObject({
      podname: "reviews-v2-abc",
      reviews: [{ rating: { stars: 3, color: "red" } }, { rating: { stars: 2, color: "red" } }],
    });
    const { other: _other, ...forwarded } = sent;
    expect(seen).toEqual([expect.objectContaining(forwarded)]);
    expect(seen[0]).not.toHaveProperty("other");
  });

  it("says so where ratings cannot be had", async () => {
    const url = await serve(createReviews(starred(nowhere)));
    const error = "Ratings service is currently unavailable";
    expect(await (await fetch(`${url}/reviews/0`)).json()).toMatchObject({
      reviews: [{ rating: { error } }, { rating: { error } }],
    });
  });
});

describe("createProductPage()", () => {
  it("shows details, reviews and stars", async () => {
    const ratings = await serve(createRatings());
    const page = await shop({
      detailsUrl: await serve(createDetails()),
      reviewsUrl: await serve(createReviews(starred(ratings))),
    });
    const text = await (await fetch(`${page}/productpage`)).text();
    expect(text).toContain("PublisherA");
    expect(text).toContain("reviews-v2-abc");
    expect(text).toContain("★★★★★");
    expect(text).toContain("color: red");
  });

  it("shows the rest where details and reviews fail", async () => {
    const response = await fetch(`${await shop()}/productpage`);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain("Error fetching product details!");
    expect(text).toContain("Error fetching product reviews!");
    expect(text).toContain("Sorry, product reviews are currently unavailable for this book.");
  });

  it("asks reviews twice before it gives up", async () => {
    let asked = 0;
    const reviewsUrl = await serve({
      "GET /reviews/:id": () => {
        asked++;
        return { status: 503, body: "" };
      },
    });
    const response = await fetch(`${await shop({ reviewsUrl })}/api/v1/products/0/reviews`);
    expect(response.status).toBe(503);
    expect(asked).toBe(2);
  });

  it("sends the user of the session as end-user, and forgets it at logout", async () => {
    const users: unknown[] = [];
    const reviewsUrl = await serve({
      "GET /reviews/:id": ({ headers }) => {
        users.push(headers["end-user"]);
        return { body: { reviews: [] } };
      },
    });
    const page = await shop({ reviewsUrl });
    const login = await fetch(`${page}/login`, {
      method: "POST",
      body: "username=jason&passwd=x",
      headers: { referer: `${page}/productpage` },
      redirect: "manual",
    });
    expect([login.status, login.headers.get("location")]).toEqual([302, "/productpage"]);
    const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
    const text = await (await fetch(`${page}/productpage`, { headers: { cookie } })).text();
    expect(text).toContain("Signed in as jason");
    await fetch(`${page}/productpage`, { headers: { cookie: `${cookie}x` } });
    expect(users).toEqual(["jason", undefined]);
    const logout = await fetch(`${page}/logout`, { headers: { cookie }, redirect: "manual" });
    expect(logout.headers.get("set-cookie")).toMatch(/^session=;.*Max-Age=0/);
  });

  it("answers the JSON API", async () => {
    const page = await shop({
      detailsUrl: await serve(createDetails()),
      ratingsUrl: await serve(createRatings()),
    });
    const get = async (path: string) => (await fetch(page + path)).json();
    expect(await get("/api/v1/products")).toMatchObject([{ id: 0, title: "The Comedy of Errors" }]);
    expect(await get("/api/v1/products/0")).toMatchObject({ id: 0, publisher: "PublisherA" });
    expect(await get("/api/v1/products/0/ratings")).toMatchObject({ ratings: { Reviewer1: 5 } });
    expect(await get("/api/v1/products/7")).toEqual({ error: "there is no product 7" });
    expect(await (await fetch(`${page}/health`)).text()).toBe("Product page is healthy");
  });

  it("escapes what a user types", async () => {
    const page = await shop();
    const cookie = createSessions("a key").login("<script>").split(";")[0] ?? "";
    const text = await (await fetch(page, { headers: { cookie } })).text();
    expect(text).toContain("Signed in as &lt;script&gt;");
  });
});
