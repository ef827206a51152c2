import { changesBetween } from "./changes.ts";
import { refOf, type SourceEvent } from "./object.ts";
import { createStore } from "./store.ts";
import { aNode, anObject, aService, aSlice } from "./testing/objects.ts";
import { isAffected } from "./view/affected.ts";
import { viewFor } from "./view/view.ts";

const rule = (host: string, namespace = "default") =>
  anObject("DestinationRule", "rule", { host }, { namespace });
const route = (spec: object) => anObject("VirtualService", "route", { http: [], ...spec });
const sidecar = anObject("Sidecar", "default", { egress: [{ hosts: ["./web.default.svc.cluster.local"] }] });

describe("changesBetween()", () => {
  const between = (...events: readonly SourceEvent[]) => {
    const store = createStore();
    for (const object of [
      sidecar,
      aService("web"),
      aService("db"),
      aSlice("web", []),
      route({ hosts: ["web"] }),
    ])
      store.apply({ kind: "upsert", object });
    const before = store.snapshot();
    const { scope } = viewFor(before, aNode());
    for (const event of events) store.apply(event);
    const now = store.snapshot();
    const changes = changesBetween(before, now);
    const stays = viewFor(now, aNode()).scope === scope;
    return { changes, affected: isAffected(scope, changes), stays };
  };
  const upsert = (object: ReturnType<typeof aService>): SourceEvent => ({ kind: "upsert", object });

  it.each<[string, SourceEvent, boolean]>([
    ["a route for what it imports", upsert(route({ hosts: ["web"], http: [{ name: "x" }] })), true],
    ["a route for another host", upsert(anObject("VirtualService", "other", { hosts: ["db"] })), false],
    [
      "a route for a gateway",
      upsert(anObject("VirtualService", "other", { hosts: ["web"], gateways: ["g"] })),
      false,
    ],
    [
      "a route that its namespace does not see",
      upsert(anObject("VirtualService", "other", { hosts: ["web"], exportTo: ["x"] })),
      false,
    ],
    ["an imported service", upsert(aService("web", { spec: { clusterIP: "None" } })), true],
    ["another service", upsert(aService("db", { spec: { clusterIP: "None" } })), false],
    ["a new service", upsert(aService("new")), false],
    ["a rule for what it imports", upsert(rule("web")), true],
    ["a rule for another host", upsert(rule("db")), false],
    ["a rule for every host", upsert(rule("*", "istio-system")), true],
    ["the end of a Sidecar", { kind: "delete", ref: refOf(sidecar) }, true],
    ["endpoints", upsert(aSlice("web", [])), false],
    ["mutual TLS", upsert(anObject("PeerAuthentication", "x", {})), true],
  ])("tells for %s whether it matters to a scope, which else stays the same object", (_, event, expected) => {
    const { affected, stays } = between(event);
    expect(affected).toBe(expected);
    expect(stays).toBe(!expected);
  });

  it("names the services whose endpoints have changed, and nothing else", () => {
    const slice = anObject(
      "EndpointSlice",
      "web-1",
      {},
      {
        labels: { "kubernetes.io/service-name": "web" },
        body: {
          addressType: "IPv4",
          endpoints: [{ addresses: ["10.0.0.1"] }],
          ports: [{ name: "http", port: 1 }],
        },
      },
    );
    const { changes } = between(upsert(slice));
    expect([...changes.endpoints.keys()]).toEqual(["default/web.default.svc.cluster.local"]);
    expect(changes).toMatchObject({
      services: [],
      virtualServices: [],
      destinationRules: [],
      workloads: [],
      other: false,
    });
  });

  it("adds the destinations of imported routes to what matters", () => {
    const store = createStore();
    const destination = route({ hosts: ["web"], http: [{ route: [{ destination: { host: "db" } }] }] });
    for (const object of [sidecar, aService("web"), destination]) store.apply({ kind: "upsert", object });
    const before = store.snapshot();
    const { scope } = viewFor(before, aNode());
    store.apply({ kind: "upsert", object: aService("db") });
    expect(isAffected(scope, changesBetween(before, store.snapshot()))).toBe(true);
    expect(viewFor(store.snapshot(), aNode()).scope.services).toHaveLength(2);
  });
});
