import { create } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { jest } from "@jest/globals";
import { typeUrls } from "@weft/envoy-api";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import { decodeResponse } from "./decode-response.ts";
import { createResourceSet } from "./resource-set.ts";
import { createXdsServer, type XdsServer, type XdsServerOptions } from "./server.ts";
import {
  adsService,
  type DiscoveryService,
  deltaMethod,
  discoveryServices,
  fetchMethod,
} from "./services.ts";
import { resource, setOf } from "./testing/exchange.ts";
import { until } from "./testing/until.ts";

jest.setTimeout(30_000);
// The address that cannot be had is a test's, not a problem.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

const clusterService = discoveryServices.find(
  ({ typeUrl }) => typeUrl === typeUrls.cluster,
) as DiscoveryService;

describe("createXdsServer()", () => {
  let server: XdsServer;
  let port: number;
  const channels: grpc.Client[] = [];
  const connections: XdsConnection[] = [];
  const events: XdsServerEvent[] = [];

  const start = async (options: Partial<XdsServerOptions> = {}) => {
    server = createXdsServer({
      onConnect: (connection) => {
        connections.push(connection);
        connection.update(setOf("CDS a", "EDS a"));
        return undefined;
      },
      onEvent: (event) => events.push(event),
      ...options,
    });
    port = await server.listen("127.0.0.1:0");
  };
  /** A bare incremental stream: what is sent is up to the test. */
  const open = (service = adsService, metadata = new grpc.Metadata()) => {
    const channel = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
    });
    channels.push(channel);
    const method = deltaMethod(service);
    const call = channel.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
    );
    call.on("error", () => {});
    const status = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
    const send = (request: Partial<DeltaDiscoveryRequest>) =>
      call.write(create(DeltaDiscoveryRequestSchema, request as object));
    return { call, status, send };
  };
  const node = { id: "test" } as NonNullable<DeltaDiscoveryRequest["node"]>;

  afterEach(async () => {
    for (const channel of channels.splice(0)) channel.close();
    await server.close(0);
    connections.length = 0;
    events.length = 0;
  });

  it("says who is connected, and who is gone", async () => {
    let gone = 0;
    await start({
      onConnect: (connection) => {
        connections.push(connection);
        return () => gone++;
      },
    });
    const { call, send } = open(clusterService);
    send({ node });
    await until("the connection", () => server.connections().length === 1);
    expect(connections[0]).toMatchObject({
      id: "test-1",
      mode: "delta",
      typeUrl: typeUrls.cluster,
      identity: undefined,
    });
    call.cancel();
    await until("its end", () => server.connections().length === 0);
    expect(gone).toBe(1);
    expect(events.map(({ kind }) => kind)).toEqual(["connected", "subscribed", "disconnected"]);
  });

  it("takes a stream's type from its service", async () => {
    await start();
    const { send } = open(clusterService);
    send({ node });
    const sent = await until("clusters", () => events.find((event) => event.kind === "sent"));
    expect(sent).toMatchObject({ typeUrl: typeUrls.cluster });
  });

  it.each<[string, Partial<DeltaDiscoveryRequest>, DiscoveryService, RegExp]>([
    ["no node", { typeUrl: typeUrls.cluster }, adsService, /node\.id is missing/],
    ["no type", { node }, adsService, /type_url is missing/],
    ["another service's type", { node, typeUrl: typeUrls.route }, clusterService, /serves .*Cluster only/],
  ])("refuses a request with %s", async (_what, request, service, message) => {
    await start();
    const { status, send } = open(service);
    send(request);
    expect(await status).toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
      details: expect.stringMatching(message),
    });
  });

  it("bounds names, types and streams", async () => {
    await start({ limits: { namesPerType: 2, typesPerStream: 2, streams: 2 } });
    const names = open();
    names.send({ node, typeUrl: typeUrls.endpoint, resourceNamesSubscribe: ["a", "b", "c"] });
    expect(await names.status).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: /more than 2 names/,
    });
    const types = open();
    for (const type of ["one", "two", "three"]) types.send({ node, typeUrl: type });
    expect(await types.status).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: /more than 2 types/,
    });
    await until("their end", () => server.connections().length === 0);
    for (let i = 1; i <= 2; i++) open().send({ node, typeUrl: typeUrls.cluster });
    await until("two streams", () => server.connections().length === 2);
    expect(await open().status).toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: /2 streams at a time/,
    });
  });

  it("takes calls only from those it knows", async () => {
    await start({
      authenticate: async ({ metadata }) => {
        const [token] = metadata.get("authorization");
        if (token !== "Bearer good") throw new Error("the token is not good");
        return "spiffe://cluster.local/ns/default/sa/test";
      },
    });
    const bad = open();
    bad.send({ node, typeUrl: typeUrls.cluster });
    expect(await bad.status).toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
      details: "the token is not good",
    });
    const metadata = new grpc.Metadata();
    metadata.set("authorization", "Bearer good");
    open(adsService, metadata).send({ node, typeUrl: typeUrls.cluster });
    await until("the connection", () => connections[0]);
    expect(connections[0]?.identity).toBe("spiffe://cluster.local/ns/default/sa/test");
  });

  it("refuses polling, and says what to use", async () => {
    await start();
    const channel = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    channels.push(channel);
    const method = fetchMethod(clusterService, "FetchClusters");
    const error = await new Promise<grpc.ServiceError | null>((resolve) =>
      channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        create(DiscoveryRequestSchema),
        resolve,
      ),
    );
    expect(error).toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
      details: expect.stringMatching(/use StreamClusters or DeltaClusters/),
    });
  });

  it("waits for a client that reads slowly, and then sends the newest", async () => {
    await start();
    const { call, send } = open();
    call.pause();
    const bulk = Array.from({ length: 30_000 }, (_, i) => resource("CDS", `${i}`, "x".repeat(100)));
    const big = (content: number) => createResourceSet([resource("CDS", "a", `${content}`), ...bulk]);
    send({ node, typeUrl: typeUrls.cluster });
    await until("the connection", () => connections[0]);
    for (let i = 0; i < 5; i++) connections[0]?.update(big(i));
    // The first set, of one cluster, and the 6 MB that fill every buffer on the way.
    expect(events.filter(({ kind }) => kind === "sent").length).toBeLessThanOrEqual(2);
    let responses = 0;
    call.on("data", (bytes: Buffer) => {
      responses++;
      send({ typeUrl: typeUrls.cluster, responseNonce: decodeResponse("delta", bytes).nonce });
    });
    call.resume();
    const last = big(4).typeVersion(typeUrls.cluster);
    await until("the newest set", () => connections[0]?.status()[0]?.acked?.version === last);
    expect(responses).toBeLessThanOrEqual(3);
  });

  it("ends all streams when it closes, and tells why", async () => {
    await start();
    const { status, send } = open();
    send({ node, typeUrl: typeUrls.cluster });
    await until("the connection", () => connections[0]);
    await server.close();
    expect(await status).toMatchObject({
      code: grpc.status.UNAVAILABLE,
      details: "the control plane is shutting down",
    });
  });

  it("says which address it cannot have", async () => {
    await start();
    const other = createXdsServer({ onConnect: () => undefined });
    await expect(other.listen(`127.0.0.1:${port}`)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    await other.close();
  });
});
