import * as grpc from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { typeUrls } from "@weft/envoy-api";
import type { XdsServerEvent } from "./connection.ts";
import { createResourceSet } from "./resource-set.ts";
import { createXdsServer } from "./server.ts";
import { apiListener, cluster, endpoints, routes, type Source } from "./testing/resources.ts";
import { until } from "./testing/until.ts";

const bytes = (value: Buffer) => value;
const whoAreYou: grpc.MethodDefinition<Buffer, Buffer> = {
  path: "/test.Backend/WhoAreYou",
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

/** A backend that answers with its name. */
async function startBackend(name: string): Promise<{ port: number; close: () => void }> {
  const server = new grpc.Server();
  const answer: grpc.handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, Buffer.from(name));
  server.addService({ whoAreYou }, { whoAreYou: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, close: () => server.forceShutdown() };
}

/** Calls the target once, through whatever the xDS client makes of it. */
function ask(client: grpc.Client): Promise<string> {
  const options = { deadline: Date.now() + 5_000 };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      whoAreYou.path,
      bytes,
      bytes,
      Buffer.alloc(0),
      new grpc.Metadata(),
      options,
      (error, answer) => (error ? reject(error) : resolve(String(answer))),
    );
  });
}

describe("xDS server with the xDS client of grpc-js, which asks for listeners and clusters by name", () => {
  const events: XdsServerEvent[] = [];
  const backends: { port: number; close: () => void }[] = [];
  let set = createResourceSet([]);
  const server = createXdsServer({
    onConnect: (connection) => {
      connection.update(set);
      return undefined;
    },
    onEvent: (event) => events.push(event),
  });
  let client: grpc.Client;
  const push = (host: string, target: string, port: number) => {
    set = createResourceSet([
      apiListener("hello", "r"),
      routes("r", { [host]: target }),
      cluster(target),
      endpoints(target, port),
      cluster("not-asked-for"),
      endpoints("not-asked-for", 1),
    ]);
    for (const connection of server.connections()) connection.update(set);
  };

  beforeAll(async () => {
    backends.push(await startBackend("one"), await startBackend("two"));
    const port = await server.listen("127.0.0.1:0");
    const bootstrap = JSON.stringify({
      xds_servers: [
        {
          server_uri: `127.0.0.1:${port}`,
          channel_creds: [{ type: "insecure" }],
          server_features: ["xds_v3"],
        },
      ],
      node: { id: "grpc-js", locality: {} },
    });
    register();
    push("*", "first", backends[0]?.port ?? 0);
    client = new grpc.Client("xds:///hello", grpc.credentials.createInsecure(), {
      "grpc.TEST_ONLY_DO_NOT_USE_IN_PROD.xds_bootstrap_config": bootstrap,
    });
  });
  afterAll(async () => {
    client.close();
    await server.close(0);
    for (const backend of backends) backend.close();
  });

  it("takes a call to its backend: LDS, RDS, CDS, EDS", async () => {
    expect(await ask(client)).toBe("one");
    const connection = server.connections()[0];
    expect(connection?.status().map(({ typeUrl, state }) => [typeUrl, state])).toEqual([
      [typeUrls.cluster, "SYNCED"],
      [typeUrls.endpoint, "SYNCED"],
      [typeUrls.listener, "SYNCED"],
      [typeUrls.route, "SYNCED"],
    ]);
    expect(connection?.status().map(({ names }) => [...(names ?? [])])).toEqual([
      ["first"],
      ["first"],
      ["hello"],
      ["r"],
    ]);
  });

  it("follows a change of endpoints, and of routes", async () => {
    push("*", "first", backends[1]?.port ?? 0);
    await until("the other backend", async () => (await ask(client)) === "two");
    push("*", "second", backends[0]?.port ?? 0);
    await until("the first backend again", async () => (await ask(client)) === "one");
  });

  it("rejects what is wrong, with a reason", async () => {
    events.length = 0;
    const file: Source = { configSourceSpecifier: { case: "path", value: "/routes" } };
    set = createResourceSet([apiListener("hello", "r", file), ...set.ofType(typeUrls.cluster).values()]);
    for (const connection of server.connections()) connection.update(set);
    const nacked = await until("the NACK", () => events.find((event) => event.kind === "nacked"));
    expect(nacked).toMatchObject({ typeUrl: typeUrls.listener });
    expect(nacked.kind === "nacked" && nacked.nacked.message).toMatch(/rds.config_source/);
  });
});
