import { jest } from "@jest/globals";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import { describeWithPeer } from "@weft/testkit";
import { createResourceSet } from "./resource-set.ts";
import { createXdsServer, type XdsServer } from "./server.ts";
import { type RealEnvoy, startEnvoy, xdsBootstrap } from "./testing/real-envoy.ts";
import { cluster, endpoints, listener, routes } from "./testing/resources.ts";
import { until } from "./testing/until.ts";

jest.setTimeout(30_000);

const names = ["n1", "n2", "n3", "n4", "n5"];
const clusters = names.map((name) => cluster(name));
const sound = [
  ...clusters,
  ...names.map((name, i) => endpoints(name, 1001 + i)),
  ...names.map((name, i) => listener(`in-${name}`, `table-${name}`, { port: 1 + i })),
  ...names.map((name) => routes(`table-${name}`, { "*": name })),
];

describeWithPeer("envoy", "what real Envoy rejects", () => {
  let server: XdsServer;
  let envoy: RealEnvoy;
  let set = createResourceSet(sound);

  /** Gives Envoy other resources in place of those of their names. */
  const replace = (...resources: readonly EncodedResource[]) => {
    set = createResourceSet([...sound, ...resources], set);
    for (const connection of server.connections()) connection.update(set);
  };
  const status = (typeUrl: string) =>
    server
      .connections()[0]
      ?.status()
      .find((type) => type.typeUrl === typeUrl);
  const rejected = (typeUrl: string) => [...(status(typeUrl)?.rejected.keys() ?? [])];
  const isSettled = (typeUrl: string) => server.connections()[0]?.settled(typeUrl) === true;

  beforeAll(async () => {
    server = createXdsServer({
      onConnect: (connection) => {
        connection.update(set);
        return undefined;
      },
    });
    const port = await server.listen("127.0.0.1:0");
    envoy = await startEnvoy(xdsBootstrap({ port, apiType: "DELTA_GRPC" }));
    await until("the tables", async () => (await envoy.active("routes")).size === names.length);
  });
  afterAll(async () => {
    await envoy?.close();
    await server?.close(0);
  });
  afterEach(async () => {
    replace();
    const types = [typeUrls.cluster, typeUrls.listener, typeUrls.route];
    await until("all to be sound", () => types.every((type) => status(type)?.state === "SYNCED"));
  });

  it("is one cluster, which its message does not name", async () => {
    replace(...names.map((name) => cluster(name, { connectSeconds: name === "n4" ? -1 : 7 })));
    await until("the culprit", () => rejected(typeUrls.cluster).length > 0 && isSettled(typeUrls.cluster));
    expect(rejected(typeUrls.cluster)).toEqual(["n4"]);
    const timeouts = async () =>
      Object.fromEntries(
        [...(await envoy.active("clusters"))].map(([name, one]) => [name, one.connect_timeout]),
      );
    const expected = { n1: "7s", n2: "7s", n3: "7s", n4: "1s", n5: "7s" };
    await until("the others", async () => JSON.stringify(await timeouts()) === JSON.stringify(expected));
  });

  it("is one table among others", async () => {
    replace(...names.map((name) => routes(`table-${name}`, { [name === "n2" ? "x,x" : "x"]: name })));
    await until("the culprit", () => rejected(typeUrls.route).length > 0 && isSettled(typeUrls.route));
    expect(rejected(typeUrls.route)).toEqual(["table-n2"]);
    const tables = await envoy.active("routes");
    const domains = names.map((name) => tables.get(`table-${name}`).virtual_hosts[0].domains[0]);
    expect(domains).toEqual(["x", "*", "x", "x", "x"]);
  });

  it("is two listeners, which its message names", async () => {
    const bad = (name: string, i: number) =>
      listener(`in-${name}`, `table-${name}`, { statPrefix: i % 2 === 0 ? "changed" : "", port: 1 + i });
    replace(...names.map(bad));
    await until("the culprits", () => rejected(typeUrls.listener).length > 1 && isSettled(typeUrls.listener));
    expect(rejected(typeUrls.listener)).toEqual(["in-n2", "in-n4"]);
    const text = JSON.stringify([...(await envoy.active("listeners")).values()]);
    expect(text.match(/"stat_prefix":"changed"/g)).toHaveLength(3);
  });
});
