import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { getJson, type JsonAnswer, pickForwarded, serviceUrl } from "./client.ts";
import {
  type Details,
  type Part,
  type Product,
  type Reviews,
  renderFrontPage,
  renderProductPage,
} from "./page.ts";
import { HttpError, type Routes, runService, type ServiceReply } from "./server.ts";
import { createSessions, type Sessions } from "./session.ts";

/** Where the product page finds the others. */
export interface ProductPageOptions {
  readonly detailsUrl: string;
  readonly reviewsUrl: string;
  readonly ratingsUrl: string;
  readonly sessions: Sessions;
}

const timeoutMs = 3_000;
/** Reviews are asked once more where they fail: what a careful client does without a mesh (and a trap with one). */
const reviewsTries = 2;

const products: readonly Product[] = [
  {
    id: 0,
    title: "The Comedy of Errors",
    author: "William Shakespeare",
    summary:
      "One of Shakespeare's first plays, his shortest and among his most farcical: two pairs of twins, parted at birth, " +
      "meet again in a town where everyone takes each of them for the other.",
    summaryUrl: "https://en.wikipedia.org/wiki/The_Comedy_of_Errors",
  },
];

/** The productpage service: the page, its JSON API, and the session. */
export function createProductPage(options: ProductPageOptions): Routes {
  const { sessions } = options;
  const product = (id: string | undefined) => {
    const found = products.find((candidate) => String(candidate.id) === id);
    if (found === undefined) throw new HttpError(404, `there is no product ${id}`);
    return found;
  };
  const details = (id: number, headers: Record<string, string>) =>
    getJson(`${options.detailsUrl}/details/${id}`, headers, timeoutMs);
  const ratings = (id: number, headers: Record<string, string>) =>
    getJson(`${options.ratingsUrl}/ratings/${id}`, headers, timeoutMs);
  const reviews = async (id: number, headers: Record<string, string>) => {
    let answer: JsonAnswer = { status: 0, body: undefined };
    for (let attempt = 0; attempt < reviewsTries && answer.status !== 200; attempt++) {
      answer = await getJson(`${options.reviewsUrl}/reviews/${id}`, headers, timeoutMs);
    }
    return answer;
  };
  const outgoing = (headers: IncomingHttpHeaders) => {
    const user = sessions.user(headers.cookie);
    return { ...pickForwarded(headers), ...(user !== undefined && { "end-user": user }) };
  };

  return {
    "GET /": ({ headers }) => ({ body: renderFrontPage(sessions.user(headers.cookie)) }),
    "GET /health": () => ({ body: "Product page is healthy" }),
    "POST /login": async ({ headers, body }) => {
      const user = new URLSearchParams(await body()).get("username") ?? "";
      if (user === "" || user.length > 100)
        throw new HttpError(400, "username must have 1 to 100 characters");
      return {
        ...redirect(headers),
        headers: { ...redirect(headers).headers, "set-cookie": sessions.login(user) },
      };
    },
    "GET /logout": ({ headers }) => ({
      ...redirect(headers),
      headers: { ...redirect(headers).headers, "set-cookie": sessions.logout() },
    }),
    "GET /productpage": async ({ headers }) => {
      const forwarded = outgoing(headers);
      const shown = product("0");
      const [detailsAnswer, reviewsAnswer] = await Promise.all([
        details(shown.id, forwarded),
        reviews(shown.id, forwarded),
      ]);
      return {
        body: renderProductPage({
          product: shown,
          details: part<Details>(detailsAnswer, "details"),
          reviews: part<Reviews>(reviewsAnswer, "reviews"),
          user: sessions.user(headers.cookie),
        }),
      };
    },
    "GET /api/v1/products": () => ({
      body: products.map(({ id, title, summary }) => ({ id, title, descriptionHtml: summary })),
    }),
    "GET /api/v1/products/:id": async ({ params, headers }) =>
      relay(await details(product(params.id).id, outgoing(headers)), "details"),
    "GET /api/v1/products/:id/reviews": async ({ params, headers }) =>
      relay(await reviews(product(params.id).id, outgoing(headers)), "reviews"),
    "GET /api/v1/products/:id/ratings": async ({ params, headers }) =>
      relay(await ratings(product(params.id).id, outgoing(headers)), "ratings"),
  };
}

function unavailable(what: string): string {
  return `Sorry, product ${what} are currently unavailable for this book.`;
}

function part<T>(answer: JsonAnswer, what: string): Part<T> {
  // The services of the shop trust each other's answers: a success has the shape that its sender documents.
  return answer.status === 200
    ? { ok: true, value: answer.body as T }
    : { ok: false, error: unavailable(what) };
}

function relay(answer: JsonAnswer, what: string): ServiceReply {
  if (answer.status === 200) return { body: answer.body as object };
  return { status: answer.status === 0 ? 500 : answer.status, body: { error: unavailable(what) } };
}

function redirect(headers: IncomingHttpHeaders): ServiceReply & { readonly headers: Record<string, string> } {
  // Back to where the form was, by path alone, so that a foreign referer leads nowhere foreign.
  const from =
    headers.referer !== undefined && URL.canParse(headers.referer) ? new URL(headers.referer).pathname : "/";
  return { status: 302, headers: { location: from.startsWith("//") ? "/" : from } };
}

/** Options from DETAILS_HOSTNAME and the like, and SESSION_KEY (random where unset). */
export function readProductPageOptions(env: NodeJS.ProcessEnv): ProductPageOptions {
  return {
    detailsUrl: serviceUrl("details", env),
    reviewsUrl: serviceUrl("reviews", env),
    ratingsUrl: serviceUrl("ratings", env),
    sessions: createSessions(env.SESSION_KEY ?? randomBytes(32).toString("hex")),
  };
}

if (import.meta.main) {
  await runService("productpage", createProductPage(readProductPageOptions(process.env)), process.env);
}
