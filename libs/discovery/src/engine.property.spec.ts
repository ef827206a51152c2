import { create, type JsonObject } from "@bufbuild/protobuf";
import { createFakeClock } from "@weft/base";
import { hostDiscoveryField, type ResourceSet, typeUrls } from "@weft/envoy-api";
import { NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { createStore, type MeshObject, objectKey, refOf, viewFor } from "@weft/mesh-model";
import { silentLogger } from "@weft/observability";
import { seededRandom, shuffled } from "@weft/testkit";
import { createTranslator, translate } from "@weft/translation";
import type { XdsConnection } from "@weft/xds";
import { createEngine, type EngineObserver } from "./engine.ts";
import { Draw, meshConfig, randomEndpoints, randomGateway, randomObject } from "./testing/random-mesh.ts";

const observer: EngineObserver = {
  onSourceEvent: () => {},
  onGathered: () => {},
  onSnapshot: () => {},
  onTranslated: () => {},
  onRejected: () => {},
  onPush: () => {},
  onPropagated: () => {},
};

/** A client that is content with whatever it is given. */
function connectionOf(
  id: string,
  metadata: JsonObject,
): { connection: XdsConnection; set: () => ResourceSet | undefined } {
  let given: ResourceSet | undefined;
  const connection: XdsConnection = {
    id,
    mode: "delta",
    typeUrl: undefined,
    node: create(NodeSchema, { id, metadata }),
    identity: undefined,
    peer: "test",
    connectedAt: 0,
    update: (set) => {
      given = set;
    },
    status: () => [],
    settled: () => true,
    close: () => {},
  };
  return { connection, set: () => given };
}

const sidecar = (name: string, namespace: string, ip: string, metadata: JsonObject = {}) =>
  connectionOf(`sidecar~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`, {
    NAMESPACE: namespace,
    INSTANCE_IPS: ip,
    ...metadata,
  });

/** Proxies of all kinds: beside pods that come and go, with labels of their own, not intercepted, with DNS, without a proxy, gateways. */
const population = () => [
  sidecar("pod-1", "a", "10.0.0.1"),
  sidecar("pod-2", "a", "10.0.0.2", { ISTIO_VERSION: "1.29.0" }),
  sidecar("pod-3", "b", "10.0.0.3", { DNS_CAPTURE: "true" }),
  sidecar("pod-4", "b", "10.0.0.4", { INTERCEPTION_MODE: "NONE" }),
  sidecar("vm", "a", "10.8.0.1", { LABELS: { app: "s0", version: "v1" } }),
  sidecar("other", "a", "10.0.0.7", { LABELS: { app: "s1" }, ISTIO_VERSION: "1.29.0" }),
  sidecar("far", "c", "10.0.0.9"),
  sidecar("hosts", "a", "10.0.0.10", { [hostDiscoveryField]: "true" }),
  sidecar("grpc", "b", "10.0.0.6", { GENERATOR: "grpc", LABELS: { app: "s2" } }),
  connectionOf("router~10.0.0.8~gw-1.a~a.svc.cluster.local", {
    NAMESPACE: "a",
    LABELS: { istio: "gateway" },
  }),
];

const types = Object.values(typeUrls);
const content = (set: ResourceSet | undefined) =>
  types.map((type) => [
    type,
    ...[...(set?.ofType(type).values() ?? [])].map(({ name, version }) => `${name} ${version}`),
  ]);

/** An engine whose event loop the test turns. */
function start() {
  const clock = createFakeClock();
  const turns: (() => void)[] = [];
  const engine = createEngine({
    store: createStore({ meshConfig }),
    ...createTranslator(),
    observer,
    clock,
    logger: silentLogger,
    yieldTo: (next) => void turns.push(next),
  });
  const turn = (limit = Number.POSITIVE_INFINITY) => {
    for (let count = 0; count < limit; count++) {
      const next = turns.shift();
      if (next === undefined) return;
      next();
    }
  };
  const settle = () => {
    clock.advance(60_000);
    turn();
  };
  return { clock, engine, turn, settle };
}

describe("createEngine() over any sequence of changes", () => {
  it.each(Array.from({ length: 8 }, (_, seed) => seed + 1))(
    "gives every proxy what is made from nothing (seed %i)",
    (seed) => {
      const draw = new Draw(seededRandom(seed));
      const { clock, engine, turn, settle } = start();
      const now = new Map<string, MeshObject>();
      const change = (make = randomObject) => {
        const object = make(draw);
        const key = objectKey(refOf(object));
        if (draw.chance(0.2) && now.size > 0) {
          const gone = draw.one([...now.values()]);
          now.delete(objectKey(refOf(gone)));
          engine.apply({ kind: "delete", ref: refOf(gone) });
        } else {
          now.set(key, object);
          engine.apply({ kind: "upsert", object });
        }
      };
      for (let i = 0; i < 25; i++) change();
      change(randomGateway);
      engine.begin();
      const proxies = population();
      const ends = new Map(proxies.map((proxy) => [proxy, engine.connect(proxy.connection)]));
      for (let step = 0; step < 40; step++) {
        const who = draw.one(proxies);
        const end = ends.get(who);
        if (end === undefined) ends.set(who, engine.connect(who.connection));
        else if (draw.chance(0.2)) {
          end();
          ends.delete(who);
        }
        const make = draw.chance(0.5) ? randomEndpoints : randomObject;
        for (let i = draw.below(4); i >= 0; i--) {
          change(make);
          // At any moment: endpoints at once, configuration when it is due, translation half done.
          if (draw.chance(0.5)) clock.advance(draw.one([0, 1, 10, 100]));
          if (draw.chance(0.5)) turn(draw.below(4));
        }
        if (draw.chance(0.5)) continue;
        settle();
        const store = createStore({ meshConfig });
        for (const object of shuffled([...now.values()], seed + step))
          store.apply({ kind: "upsert", object });
        const snapshot = store.snapshot();
        for (const { node, connection, set, group, failure } of engine.proxies.all) {
          expect(failure).toBeUndefined();
          const fresh = translate(viewFor(snapshot, node)).value;
          expect([node.id, content(group?.set)]).toEqual([node.id, content(fresh)]);
          expect(group?.set?.version).toBe(fresh.version);
          const given = proxies.find((proxy) => proxy.connection === connection)?.set();
          expect(given).toBe(set);
          if (fresh.withheld === undefined) expect(given?.version).toBe(fresh.version);
        }
      }
      engine.close();
    },
  );
});
