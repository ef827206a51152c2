import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jest } from "@jest/globals";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import { describeWithPeer } from "@weft/testkit";
import { createXdsClient, type XdsClient } from "./client.ts";
import { accept, reject, type Verdict, type XdsUpdate } from "./client-subscription.ts";
import type { XdsServerEvent } from "./connection.ts";
import { createXdsRelay, type XdsRelay } from "./relay.ts";
import { createResourceSet } from "./resource-set.ts";
import { createXdsServer, type XdsServer } from "./server.ts";
import { startEnvoy, xdsBootstrap } from "./testing/real-envoy.ts";
import { cluster, endpoints, listener, routes } from "./testing/resources.ts";
import { until } from "./testing/until.ts";

jest.setTimeout(30_000);

const backoff = { initialMs: 20, maxMs: 50 };
const config: readonly EncodedResource[] = [
  cluster("a"),
  cluster("b"),
  endpoints("a", 1001),
  endpoints("b", 1002),
  listener("in", "r"),
  routes("r", { "*": "a" }),
];

/** A control plane that can go away and come back on its port. */
function controlPlane() {
  let set = createResourceSet(config);
  let server: XdsServer | undefined;
  let port = 0;
  const events: XdsServerEvent[] = [];
  return {
    events,
    get port() {
      return port;
    },
    start: async () => {
      server = createXdsServer({
        onConnect: (connection) => {
          connection.update(set);
          return undefined;
        },
        onEvent: (event) => events.push(event),
      });
      port = await server.listen(`127.0.0.1:${port}`);
    },
    stop: async () => {
      await server?.close(0);
      events.length = 0;
    },
    push: (...resources: readonly EncodedResource[]) => {
      set = createResourceSet([...config, ...resources], set);
      for (const connection of server?.connections() ?? []) connection.update(set);
    },
    state: (typeUrl: string) =>
      server
        ?.connections()
        .flatMap((connection) => connection.status())
        .find((status) => status.typeUrl === typeUrl),
    resourcesSent: () =>
      events.reduce((sum, event) => sum + (event.kind === "sent" ? event.resources : 0), 0),
  };
}

/** A proxy as the relay sees it: clusters as a whole, and the endpoints of those. */
function proxy(
  address: string,
  mode: "sotw" | "delta",
  judge: (update: XdsUpdate) => Verdict | Promise<Verdict>,
) {
  const has = new Set<string>();
  const client = createXdsClient({ address, mode, node: { id: "proxy" }, backoff });
  const names = new Set<string>();
  const eds = client.subscribe(typeUrls.endpoint, { names, onUpdate: take });
  client.subscribe(typeUrls.cluster, {
    names: "*",
    onUpdate: async (update) => {
      const verdict = await take(update);
      for (const name of update.changed.keys()) names.add(name);
      for (const name of update.removed) names.delete(name);
      eds.setNames(names);
      return verdict;
    },
  });
  async function take(update: XdsUpdate): Promise<Verdict> {
    const verdict = await judge(update);
    if (verdict.kind === "reject") return verdict;
    const type = update.typeUrl === typeUrls.cluster ? "cluster" : "endpoints";
    for (const [name, { version }] of update.changed) has.add(`${type} ${name} ${version}`);
    return verdict;
  }
  const holds = (...resources: readonly EncodedResource[]) =>
    resources.every(({ typeUrl, name, version }) =>
      has.has(`${typeUrl === typeUrls.cluster ? "cluster" : "endpoints"} ${name} ${version}`),
    );
  return { client, holds };
}

describe.each(["delta", "sotw"] as const)("createXdsRelay() with a proxy in %s", (mode) => {
  const control = controlPlane();
  let folder: string;
  let address: string;
  let relay: XdsRelay;
  const clients: XdsClient[] = [];
  const start = (judge: (update: XdsUpdate) => Verdict | Promise<Verdict> = () => accept) => {
    const started = proxy(address, mode, judge);
    clients.push(started.client);
    return started;
  };

  beforeEach(async () => {
    await control.start();
    control.push();
    folder = await mkdtemp(join(tmpdir(), "weft-relay-"));
    address = `unix:${join(folder, "XDS")}`;
    relay = createXdsRelay({ upstream: { address: `127.0.0.1:${control.port}`, backoff } });
    await relay.listen(address);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await relay.close();
    await control.stop();
    await rm(folder, { recursive: true });
  });

  it("hands out what the server has", async () => {
    const { holds } = start();
    await until("the configuration", () => holds(...config.slice(0, 4)));
    control.push(endpoints("a", 2001));
    await until("a change", () => holds(endpoints("a", 2001)));
    await until("the ACK", () => control.state(typeUrls.endpoint)?.state === "SYNCED");
  });

  it("acknowledges to the server only what the proxy has taken in", async () => {
    let release = () => {};
    const taken = new Promise<Verdict>((resolve) => {
      release = () => resolve(accept);
    });
    start(() => taken);
    await until("clusters at the proxy", () => relay.status()[0]?.state === "STALE");
    expect(control.state(typeUrls.cluster)?.state).toBe("STALE");
    release();
    await until("the ACK", () => control.state(typeUrls.cluster)?.state === "SYNCED");
  });

  it("passes on why the proxy rejects, and keeps what it accepted for the next one", async () => {
    const bad = cluster("a", { connectSeconds: 9 });
    const isBad = (update: XdsUpdate) => update.changed.get("a")?.version === bad.version;
    const first = start((update) => (isBad(update) ? reject("cluster a: no good") : accept));
    await until("the configuration", () => first.holds(...config.slice(0, 4)));
    control.push(bad);
    const nacked = await until("the NACK", () => control.state(typeUrls.cluster)?.nacked);
    expect(nacked.message).toContain("cluster a: no good");
    expect(control.state(typeUrls.cluster)?.state).toBe("STALE");
    await control.stop();
    first.client.close();
    const second = start();
    await until("the configuration", () => second.holds(...config.slice(0, 4)));
    expect(second.holds(bad)).toBe(false);
  });

  it("gets the rest of an update in where one of it is rejected, and has that one blamed", async () => {
    const proxy = start((update) => (update.changed.has("bad") ? reject("cluster bad: no good") : accept));
    await until("the configuration", () => proxy.holds(...config.slice(0, 4)));
    control.push(cluster("bad"), cluster("good"));
    if (mode === "sotw") {
      // It has no way to get a part in, and nobody has a way to find out.
      await until("the NACK", () =>
        control.state(typeUrls.cluster)?.nacked?.message.includes("bad: no good"),
      );
      return;
    }
    await until("the other", () => proxy.holds(cluster("good")));
    await until("the blame", () => control.state(typeUrls.cluster)?.rejected.has("bad"));
    expect([...(control.state(typeUrls.cluster)?.rejected.keys() ?? [])]).toEqual(["bad"]);
    expect(proxy.holds(cluster("bad"))).toBe(false);
  });

  it("answers a proxy that comes back while the server is away, and goes on without a gap", async () => {
    const first = start();
    await until("the configuration", () => first.holds(...config.slice(0, 4)));
    await until("the ACK", () => control.state(typeUrls.endpoint)?.state === "SYNCED");
    first.client.close();
    await control.stop();
    await until("the loss of the server", () => !relay.upstreamConnected);
    const second = start();
    await until("the configuration", () => second.holds(...config.slice(0, 4)));
    await control.start();
    await until("the server's return", () => control.state(typeUrls.endpoint)?.state === "SYNCED");
    expect(control.resourcesSent()).toBe(0);
    control.push(endpoints("b", 2002));
    await until("a change", () => second.holds(endpoints("b", 2002)));
    expect(control.resourcesSent()).toBe(1);
  });

  it("passes on what a proxy rejects that was accepted before it came", async () => {
    const first = start();
    await until("the configuration", () => first.holds(...config.slice(0, 4)));
    first.client.close();
    await until("its end", () => relay.status().length === 0);
    control.push(cluster("c"));
    await until("the ACK", () => control.state(typeUrls.cluster)?.state === "SYNCED");
    start((update) => (update.changed.has("c") ? reject("cluster c: no good") : accept));
    await until("the NACK", () =>
      control.state(typeUrls.cluster)?.nacked?.message.includes("cluster c: no good"),
    );
    // The others came along with it, and are not to blame.
    const rejected = control.state(typeUrls.cluster)?.rejected ?? new Map();
    if (mode === "delta") expect([...rejected.keys()]).toEqual(["c"]);
  });

  it("has for a proxy what the one before it wanted, though it asks bit by bit", async () => {
    const first = start();
    await until("the configuration", () => first.holds(...config.slice(0, 4)));
    first.client.close();
    await until("its end", () => relay.status().length === 0);
    await control.stop();
    const second = createXdsClient({ address, mode, node: { id: "proxy" }, backoff });
    clients.push(second);
    const has = new Set<string>();
    const eds = second.subscribe(typeUrls.endpoint, {
      names: ["a"],
      onUpdate: ({ changed }) => {
        for (const name of changed.keys()) has.add(name);
        return accept;
      },
    });
    await until("the first name", () => has.has("a"));
    eds.setNames(["a", "b"]);
    await until("the second name", () => has.has("b"));
  });

  it("does not say that there is none of what it does not know", async () => {
    await control.stop();
    const updates: XdsUpdate[] = [];
    start((update) => {
      updates.push(update);
      return accept;
    });
    await until("the proxy", () => relay.status().length === 1);
    expect(relay.status()[0]?.state).toBe("NOT SENT");
    await control.start();
    await until("the configuration", () => updates.length >= 2);
    expect(updates.every(({ changed }) => changed.size > 0)).toBe(true);
  });
});

describe.each(["GRPC", "DELTA_GRPC"] as const)("createXdsRelay() with real Envoy, %s", (apiType) => {
  describeWithPeer("envoy", "Envoy", () => {
    const control = controlPlane();
    let relay: XdsRelay;
    let port: number;

    beforeAll(async () => {
      await control.start();
      relay = createXdsRelay({ upstream: { address: `127.0.0.1:${control.port}`, backoff } });
      port = await relay.listen("127.0.0.1:0");
    });
    afterAll(async () => {
      await relay.close();
      await control.stop();
    });

    it("brings Envoy up, with the server and without", async () => {
      for (const server of ["there", "away"]) {
        if (server === "away") await control.stop();
        const envoy = await startEnvoy(xdsBootstrap({ port, apiType }));
        try {
          await until("the listener", async () => (await envoy.active("listeners")).has("in"));
          expect([...(await envoy.active("clusters")).keys()].sort()).toEqual(["a", "b"]);
          await until("the routes", async () => (await envoy.active("routes")).has("r"));
        } finally {
          await envoy.close();
        }
      }
    });
  });
});
