import { createHealth, readyRoute } from "./health.ts";
import { createHttpEndpoint, type EndpointRoute, type HttpEndpoint } from "./http-endpoint.ts";
import { silentLogger } from "./logger.ts";

describe("createHttpEndpoint()", () => {
  const open: HttpEndpoint[] = [];
  const start = async (routes: readonly EndpointRoute[], port = 0) => {
    const endpoint = await createHttpEndpoint({
      host: "127.0.0.1",
      port,
      routes,
      logger: silentLogger,
      maxBodyBytes: 10,
    });
    open.push(endpoint);
    return { endpoint, url: `http://127.0.0.1:${endpoint.port}` };
  };
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.close();
  });

  it("serves text, JSON, HEAD and paths below a prefix", async () => {
    const { url } = await start([
      { path: "/json", handle: ({ query }) => ({ body: { name: query.get("name") } }) },
      { path: "/app-health/*", handle: ({ path }) => ({ body: path }) },
    ]);
    const json = await fetch(`${url}/json?name=a`);
    expect(json.headers.get("content-type")).toBe("application/json");
    expect(await json.json()).toEqual({ name: "a" });
    expect(await (await fetch(`${url}/app-health/x/livez`)).text()).toBe("/app-health/x/livez");
    const head = await fetch(`${url}/json`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("answers 404, 405 with the allowed methods, 413 and 500", async () => {
    const { url } = await start([
      { path: "/post", methods: ["POST"], handle: async ({ body }) => ({ body: await body() }) },
      {
        path: "/throws",
        handle: () => {
          throw new Error("secret detail");
        },
      },
    ]);
    expect((await fetch(`${url}/none`)).status).toBe(404);
    const wrong = await fetch(`${url}/post`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    const post = (body: string) => fetch(`${url}/post`, { method: "POST", body });
    expect(await (await post("0123456789")).text()).toBe("0123456789");
    expect((await post("0123456789x")).status).toBe(413);
    const thrown = await fetch(`${url}/throws`);
    expect([thrown.status, await thrown.text()]).toEqual([500, "internal error\n"]);
  });

  it("says which address is taken", async () => {
    const { endpoint } = await start([]);
    await expect(start([], endpoint.port)).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: `cannot listen on 127.0.0.1:${endpoint.port}: the port is taken by another process`,
    });
  });

  it("is ready when every condition holds", async () => {
    const health = createHealth();
    const synced = health.condition("config sources");
    const { url } = await start([readyRoute(health)]);
    const before = await fetch(`${url}/ready`);
    expect([before.status, await before.text()]).toEqual([503, "not ready: waiting for config sources\n"]);
    synced(true);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });
});
