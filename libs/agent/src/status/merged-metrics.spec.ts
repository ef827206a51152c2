import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { freePort } from "@weft/testkit";
import { HttpCallError } from "../http-client.ts";
import { mergeMetrics } from "./merged-metrics.ts";

const om = "application/openmetrics-text; version=1.0.0; charset=utf-8";

describe("mergeMetrics()", () => {
  const servers: Server[] = [];
  const failures: string[] = [];
  afterEach(async () => {
    failures.length = 0;
    await Promise.all(
      servers.splice(0).map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  });

  const app = async (listener: RequestListener) => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { path: "/metrics", port: (server.address() as AddressInfo).port };
  };
  const serving = (body: string, contentType = "text/plain") =>
    app((_request, response) => response.setHeader("content-type", contentType).end(body));
  const merge = (targets: readonly { path: string; port: number }[], headers: IncomingHttpHeaders = {}) =>
    mergeMetrics(
      {
        agent: async () => "agent 1\n",
        proxy: async () => ({ status: 200, body: Buffer.from("proxy 1\n\nproxy 2") }),
        app: { host: "127.0.0.1", targets },
        onFailure: (part) => failures.push(part),
      },
      headers,
    );

  it("puts the application's last, in the order of its places", async () => {
    const targets = [await serving("a 1\n# EOF\n"), await serving("b 1")];
    expect(await merge(targets)).toEqual({
      body: "agent 1\nproxy 1\n\nproxy 2\na 1\nb 1\n",
      contentType: "text/plain; version=0.0.4; charset=utf-8",
    });
  });

  it("is OpenMetrics where the application gives that, with one end and no empty lines", async () => {
    const targets = [await serving("a 1\n# EOF\n", om), await serving("b 1\n# EOF", om)];
    expect(await merge(targets, { accept: om })).toEqual({
      body: "agent 1\nproxy 1\nproxy 2\na 1\nb 1\n# EOF\n",
      contentType: om,
    });
  });

  it("leaves out what cannot be had, and counts it", async () => {
    const dead = { path: "/", port: await freePort() };
    const broken = await app((_request, response) => response.writeHead(500).end("no 1\n"));
    const cut = await app((_request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("no 1\n");
      setImmediate(() => response.destroy());
    });
    const { body } = await merge([dead, broken, await serving("b 1\n"), cut]);
    expect(body).toBe("agent 1\nproxy 1\n\nproxy 2\nb 1\n");
    expect(failures).toEqual(["application", "application", "application"]);
  });

  it("does not wait for a slow place longer than Prometheus does", async () => {
    const slow = await app(() => {});
    const { body } = await merge([slow], { "x-prometheus-scrape-timeout-seconds": "0.05" });
    expect(body).toBe("agent 1\nproxy 1\n\nproxy 2\n");
    expect(failures).toEqual(["application"]);
  });

  it("tells the application who asks, and what for", async () => {
    let seen: IncomingHttpHeaders = {};
    const target = await app((request, response) => {
      seen = request.headers;
      response.end();
    });
    const asked = { accept: om, "user-agent": "Prometheus/3", "x-prometheus-scrape-timeout-seconds": "10" };
    await merge([target], { ...asked, authorization: "secret" });
    expect(seen).toMatchObject(asked);
    expect(seen.authorization).toBeUndefined();
  });

  it("goes on without the proxy", async () => {
    const { body } = await mergeMetrics(
      {
        agent: async () => "agent 1\n",
        proxy: () => Promise.reject(new HttpCallError("refused")),
        app: { host: "127.0.0.1", targets: [] },
        onFailure: (part) => failures.push(part),
      },
      {},
    );
    expect([body, failures]).toEqual(["agent 1\n", ["proxy"]]);
  });
});
