import type { MeshObject } from "../object.ts";
import { aNode, anObject, aPod, aService, aSlice, shuffled, snapshotOf } from "../testing/objects.ts";
import { destinationRuleOf, viewFor, virtualServicesOf } from "./view.ts";

const host = (name: string, namespace = "default") => `${name}.${namespace}.svc.cluster.local`;
const hosts = (services: readonly { readonly hostname: string }[]) =>
  services.map(({ hostname }) => hostname);
const inShop = (name: string, annotations: Record<string, string> = {}) =>
  aService(name, { namespace: "shop", annotations });
const view = (objects: readonly MeshObject[], node = aNode()) => viewFor(snapshotOf(objects), node);

describe("viewFor() services", () => {
  const objects = [
    aService("web"),
    inShop("cart"),
    inShop("private", { "networking.istio.io/exportTo": "." }),
    inShop("shared", { "networking.istio.io/exportTo": "default" }),
    inShop("hidden", { "networking.istio.io/exportTo": "~" }),
  ];

  it("shows what is exported to the proxy's namespace", () => {
    expect(hosts(view(objects).scope.services)).toEqual([
      host("cart", "shop"),
      host("shared", "shop"),
      host("web"),
    ]);
    expect(hosts(view(objects, aNode({ namespace: "shop" })).scope.services)).toEqual([
      host("cart", "shop"),
      host("private", "shop"),
      host("web"),
    ]);
  });

  it("does not hang on the order of objects", () => {
    const expected = view(objects);
    for (const seed of [1, 2, 3]) {
      const other = view(shuffled(objects, seed));
      expect(other.scope).toEqual(expected.scope);
    }
  });

  it("shares the scope between proxies of one namespace", () => {
    const snapshot = snapshotOf(objects);
    const one = viewFor(snapshot, aNode());
    const two = viewFor(snapshot, aNode({ podName: "another", ipAddresses: ["10.9.9.9"] }));
    const other = viewFor(snapshot, aNode({ namespace: "shop" }));
    expect(two.scope).toBe(one.scope);
    expect(other.scopeKey).not.toBe(one.scopeKey);
  });

  it("takes the Kubernetes service of a host, else the oldest", () => {
    const entry = (name: string, of: string, created: string) =>
      anObject("ServiceEntry", name, { hosts: [of], ports: [{ number: 80, name: "http" }] }, { created });
    const { scope } = view([
      entry("squatter", host("web"), "2020-01-01T00:00:00Z"),
      aService("web", { created: "2024-01-01T00:00:00Z" }),
      entry("late", "api.example.com", "2022-01-01T00:00:00Z"),
      entry("early", "api.example.com", "2021-01-01T00:00:00Z"),
    ]);
    expect(scope.servicesByHostname.get(host("web"))?.registry).toBe("Kubernetes");
    expect(scope.servicesByHostname.get("api.example.com")?.name).toBe("early");
  });
});

describe("viewFor() Sidecar", () => {
  const services = [
    aService("web"),
    inShop("cart"),
    inShop("stock"),
    aService("mon", { namespace: "infra" }),
  ];
  const sidecar = (name: string, spec: object, namespace = "default") =>
    anObject("Sidecar", name, spec, { namespace });

  it("takes the one that selects the workload, else the namespace's, else the root's", () => {
    const objects = [
      sidecar("root", {}, "istio-system"),
      sidecar("all", {}),
      sidecar("some", { workloadSelector: { labels: { app: "web" } } }),
      sidecar("elsewhere", {}, "other"),
    ];
    const applies = (node: Parameters<typeof aNode>[0]) => view(objects, aNode(node)).scope.sidecar?.name;
    expect(applies({ labels: { app: "web" } })).toBe("some");
    expect(applies({ labels: { app: "db" } })).toBe("all");
    expect(applies({ namespace: "shop" })).toBe("root");
    expect(applies({ type: "router" })).toBeUndefined();
  });

  it.each([
    [["./*"], [host("web")]],
    [["*/*"], [host("cart", "shop"), host("mon", "infra"), host("stock", "shop"), host("web")]],
    [
      ["shop/*", "./*"],
      [host("cart", "shop"), host("stock", "shop"), host("web")],
    ],
    [[`shop/${host("cart", "shop")}`], [host("cart", "shop")]],
    [["*/*.shop.svc.cluster.local"], [host("cart", "shop"), host("stock", "shop")]],
    [["~/*"], []],
  ])("imports %j", (egress, expected) => {
    const { scope } = view([...services, sidecar("s", { egress: [{ hosts: egress }] })]);
    expect(hosts(scope.services)).toEqual(expected);
  });

  it("takes a host of several namespaces from the proxy's own", () => {
    const entry = (namespace: string, created: string) =>
      anObject(
        "ServiceEntry",
        `of-${namespace}`,
        { hosts: ["api.example.com"], ports: [{ number: 80, name: "http" }] },
        { namespace, created },
      );
    const objects = [
      entry("default", "2022-01-01T00:00:00Z"),
      entry("shop", "2021-01-01T00:00:00Z"),
      anObject("VirtualService", "v", {
        hosts: ["web"],
        http: [{ route: [{ destination: { host: "api.example.com" } }] }],
      }),
    ];
    const names = (egress: readonly string[]) =>
      view([...services, ...objects, sidecar("s", { egress: [{ hosts: egress }] })]).scope.services.map(
        ({ name }) => name,
      );
    expect(names(["*/api.example.com"])).toEqual(["of-default"]);
    expect(names(["shop/api.example.com"])).toEqual(["of-shop"]);
    expect(names(["./web.default.svc.cluster.local"])).toEqual(["web", "of-default"]);
  });

  it("cuts services down to the port of a listener", () => {
    const two = aService("two", {
      spec: {
        ports: [
          { name: "http", port: 80 },
          { name: "admin", port: 81 },
        ],
      },
    });
    const egress = [
      {
        port: { number: 81, protocol: "HTTP", name: "a" },
        bind: "127.0.0.1",
        captureMode: "NONE",
        hosts: ["*/*"],
      },
      { hosts: ["shop/*"] },
    ];
    const { scope } = view([...services, two, sidecar("s", { egress })]);
    expect(scope.listeners).toMatchObject([
      { port: { number: 81 }, bind: "127.0.0.1", captureMode: "NONE", services: [{ ports: [{ port: 81 }] }] },
      { captureMode: "DEFAULT", services: [{ name: "cart" }, { name: "stock" }] },
    ]);
    expect(scope.servicesByHostname.get(host("two"))?.ports).toHaveLength(1);
  });

  it("imports VirtualServices by host, and the services they send traffic to", () => {
    const routes = (name: string, of: string, to: string) =>
      anObject("VirtualService", name, { hosts: [of], http: [{ route: [{ destination: { host: to } }] }] });
    const { scope } = view([
      ...services,
      routes("web", "web", host("stock", "shop")),
      routes("cart", host("cart", "shop"), "web"),
      sidecar("s", { egress: [{ hosts: [`*/${host("web")}`] }] }),
    ]);
    expect(scope.listeners[0]?.virtualServices.map(({ name }) => name)).toEqual(["web"]);
    expect(hosts(scope.services)).toEqual([host("web"), host("stock", "shop")]);
  });

  it("imports VirtualServices that have a name in common with what it imports, routes only what covers them", () => {
    const vs = (name: string, hosts: readonly string[], annotations = {}) =>
      anObject("VirtualService", name, { hosts }, { annotations });
    const route = { "internal.istio.io/route-semantics": "gateway" };
    const { scope } = view([
      vs("wider", ["*.example.com"]),
      vs("route-wider", ["*.example.com"], route),
      vs("route-same", ["a.example.com"], route),
      vs("other", ["b.example.com"]),
      sidecar("s", { egress: [{ hosts: ["*/a.example.com"] }] }),
    ]);
    expect(scope.listeners[0]?.virtualServices.map(({ name }) => name)).toEqual(["route-same", "wider"]);
  });

  it("shares the services of the namespace where it names none", () => {
    const snapshot = snapshotOf([
      ...services,
      sidecar("s", { workloadSelector: { labels: { app: "web" } } }),
    ]);
    const [limited, free] = [aNode({ labels: { app: "web" } }), aNode()].map(
      (node) => viewFor(snapshot, node).scope,
    );
    expect(limited?.sidecar?.name).toBe("s");
    expect(free?.sidecar).toBeUndefined();
    expect(limited?.services).toBe(free?.services);
  });

  it("sets the policy for unknown hosts", () => {
    const policy = (spec: object) => view([sidecar("s", spec)]).scope.outboundTrafficPolicy.mode;
    expect(policy({})).toBe("ALLOW_ANY");
    expect(policy({ outboundTrafficPolicy: {} })).toBe("REGISTRY_ONLY");
    expect(policy({ outboundTrafficPolicy: { mode: "ALLOW_ANY" } })).toBe("ALLOW_ANY");
  });
});

describe("virtualServicesOf()", () => {
  it("orders private ones before exported before public ones", () => {
    const vs = (name: string, exportTo: readonly string[], namespace = "default") =>
      anObject("VirtualService", name, { hosts: ["a.b"], exportTo }, { namespace });
    const names = virtualServicesOf(
      view([
        vs("a-public", ["*"]),
        vs("b-exported", ["default"], "shop"),
        vs("c-private", ["."]),
        vs("d-foreign", ["."], "shop"),
        vs("e-nobody", ["~"]),
        anObject("VirtualService", "f-gateway", { hosts: ["a.b"], gateways: ["edge"] }),
      ]),
      "mesh",
    ).map(({ name }) => name);
    expect(names).toEqual(["c-private", "b-exported", "a-public"]);
  });

  it("keeps routes for services of other namespaces to their own clients", () => {
    const route = (name: string, hosts: readonly string[], namespace: string) =>
      anObject(
        "VirtualService",
        name,
        { hosts, gateways: ["mesh"] },
        { namespace, annotations: { "internal.istio.io/route-semantics": "gateway" } },
      );
    const objects = [
      route("producer", [host("cart", "shop")], "shop"),
      route("consumer", [host("cart", "shop")], "default"),
      route("foreign", [host("cart", "shop")], "elsewhere"),
      route("unknown-host", ["a.example.com"], "elsewhere"),
    ];
    const names = (namespace: string) =>
      virtualServicesOf(view(objects, aNode({ namespace })), "mesh").map(({ name }) => name);
    expect(names("default")).toEqual(["consumer", "producer", "unknown-host"]);
    expect(names("shop")).toEqual(["producer", "unknown-host"]);
  });

  it("finds those of a gateway by its whole name", () => {
    const bound = view([
      anObject("VirtualService", "v", { hosts: ["a.b"], gateways: ["edge", "mesh", "default/edge"] }),
    ]);
    expect(virtualServicesOf(bound, "default/edge")).toHaveLength(1);
    expect(virtualServicesOf(bound, "shop/edge")).toHaveLength(0);
    expect(virtualServicesOf(bound, "mesh")).toHaveLength(1);
  });
});

describe("destinationRuleOf()", () => {
  const rule = (name: string, namespace: string, spec: object, created = "2024-01-01T00:00:00Z") =>
    anObject("DestinationRule", name, { host: host("cart", "shop"), ...spec }, { namespace, created });
  const cart = { hostname: host("cart", "shop"), namespace: "shop" };
  const applies = (objects: readonly MeshObject[], node = aNode()) =>
    destinationRuleOf(view([inShop("cart"), ...objects], node), cart);

  it("looks in the client's namespace, then the service's, then the root's", () => {
    const client = rule("client", "default", {});
    const service = rule("service", "shop", {});
    const root = rule("root", "istio-system", {});
    expect(applies([root, service, client])?.name).toBe("client");
    expect(applies([root, service])?.name).toBe("service");
    expect(applies([root])?.name).toBe("root");
    expect(applies([rule("elsewhere", "other", {})])).toBeUndefined();
  });

  it("does not see what is not exported", () => {
    expect(applies([rule("service", "shop", { exportTo: ["."] })])).toBeUndefined();
    expect(
      applies([rule("service", "shop", { exportTo: ["."] }), rule("root", "istio-system", {})])?.name,
    ).toBe("root");
    expect(applies([rule("client", "default", { exportTo: ["."] })])?.name).toBe("client");
  });

  it("does not see rules that select workloads of another namespace", () => {
    const selecting = rule("service", "shop", { workloadSelector: { matchLabels: { app: "web" } } });
    expect(applies([selecting], aNode({ labels: { app: "web" } }))).toBeUndefined();
  });

  it("takes the most specific host", () => {
    const wild = rule("wild", "default", { host: "*.shop.svc.cluster.local" });
    const all = rule("all", "default", { host: "*" });
    expect(applies([all, wild])?.name).toBe("wild");
    expect(applies([all, wild, rule("exact", "default", {})])?.name).toBe("exact");
  });

  it("merges rules of one host: the older wins, the newer adds subsets", () => {
    const merged = applies([
      rule(
        "b",
        "shop",
        { subsets: [{ name: "v1", labels: { version: "new" } }, { name: "v2" }], trafficPolicy: {} },
        "2024-02-01T00:00:00Z",
      ),
      rule("a", "shop", { subsets: [{ name: "v1", labels: { version: "old" } }] }),
    ]);
    expect(merged).toMatchObject({
      name: "a",
      from: ["shop/a", "shop/b"],
      spec: { subsets: [{ name: "v1", labels: { version: "old" } }, { name: "v2" }], trafficPolicy: {} },
    });
  });

  it("keeps the policy of the older rule", () => {
    const policy = (simple: string) => ({ trafficPolicy: { loadBalancer: { simple } } });
    const merged = applies([
      rule("b", "shop", policy("RANDOM"), "2024-02-01T00:00:00Z"),
      rule("a", "shop", policy("ROUND_ROBIN")),
    ]);
    expect(merged?.spec).toMatchObject(policy("ROUND_ROBIN"));
  });

  it("prefers a rule that selects the client's workload", () => {
    const selecting = rule("some", "default", { workloadSelector: { matchLabels: { app: "web" } } });
    const all = rule("all", "default", {});
    expect(applies([all, selecting], aNode({ labels: { app: "web" } }))?.name).toBe("some");
    expect(applies([all, selecting], aNode({ labels: { app: "db" } }))?.name).toBe("all");
  });
});

describe("viewFor() service targets", () => {
  const targets = (objects: readonly MeshObject[], node: Parameters<typeof aNode>[0]) =>
    view(objects, aNode(node)).serviceTargets.map(
      ({ service, port, targetPort }) => `${service.name}:${port.port}>${targetPort}`,
    );
  const web = aService("web");
  const labels = { app: "web" };

  it("are the ports of the services that select the pod", () => {
    const metrics = aService("metrics", {
      spec: {
        selector: { app: "web" },
        ports: [
          { name: "http", port: 90, targetPort: "admin" },
          { name: "x", port: 91, targetPort: "none" },
        ],
      },
    });
    const spec = { containers: [{ name: "c", ports: [{ name: "admin", containerPort: 9090 }] }] };
    const pod = aPod("web-1", "10.1.0.5", { labels, spec });
    const objects = [web, metrics, aService("db"), aService("web", { namespace: "shop" }), pod];
    expect(targets(objects, { ipAddresses: ["10.1.0.5"], podName: "unknown" })).toEqual([
      "metrics:90>9090",
      "web:80>8080",
    ]);
  });

  it("are told apart by the pod's name where pods share an address", () => {
    const objects = [
      web,
      aService("db"),
      aPod("web-1", "127.0.0.1", { labels }),
      aPod("db-1", "127.0.0.1", { labels: { app: "db" } }),
    ];
    expect(targets(objects, { ipAddresses: ["127.0.0.1"], podName: "db-1" })).toEqual(["db:80>8080"]);
    expect(targets(objects, { ipAddresses: ["127.0.0.1"], podName: "web-1" })).toEqual(["web:80>8080"]);
  });

  it("are found by endpoint where a service selects nothing", () => {
    const objects = [
      aService("manual", { spec: { selector: {} } }),
      aPod("p", "10.1.0.5", { labels }),
      aSlice("manual", [["p", "10.1.0.5"]], { port: 7070 }),
    ];
    expect(targets(objects, { ipAddresses: ["10.1.0.5"], podName: "p" })).toEqual(["manual:80>7070"]);
  });

  it("are not those of another pod at the same address", () => {
    const objects = [
      aService("manual", { spec: { selector: {} } }),
      aPod("p", "10.1.0.5"),
      aPod("other", "10.1.0.5"),
      aSlice("manual", [["other", "10.1.0.5"]]),
    ];
    expect(targets(objects, { ipAddresses: ["10.1.0.5"], podName: "p" })).toEqual([]);
  });

  it("are found by the node's labels where no pod and no endpoint is known", () => {
    expect(targets([web, aService("db")], { labels })).toEqual(["web:80>8080"]);
  });
});

describe("viewFor() labels", () => {
  it("are the node's, else the pod's", () => {
    const pod = aPod("client", "10.1.0.1", { labels: { app: "pod" } });
    expect(view([pod], aNode({ labels: { app: "node" } })).labels).toEqual({ app: "node" });
    expect(view([pod], aNode()).labels).toEqual({ app: "pod" });
    expect(view([], aNode()).labels).toEqual({});
  });
});

describe("viewFor() gateways", () => {
  const gateway = (name: string, selector: object, namespace = "default") =>
    anObject("Gateway", name, { selector, servers: [] }, { namespace });

  it("are those that select the proxy, of any namespace", () => {
    const objects = [
      gateway("b", { istio: "edge" }),
      gateway("a", { istio: "edge" }, "shop"),
      gateway("c", { istio: "other" }),
    ];
    const names = (node: Parameters<typeof aNode>[0]) =>
      view(objects, aNode(node)).gateways.map(({ name }) => name);
    expect(names({ type: "router", labels: { istio: "edge", app: "x" } })).toEqual(["a", "b"]);
    expect(names({ type: "sidecar", labels: { istio: "edge" } })).toEqual([]);
  });

  it("are those for a service it serves, where the Gateway names services of its namespace", () => {
    const annotations = { "internal.istio.io/gateway-service": "edge.default.svc.cluster.local, other.com" };
    const bound = (name: string, namespace = "default") =>
      anObject("Gateway", name, { selector: { istio: "edge" }, servers: [] }, { namespace, annotations });
    const edge = anObject("Service", "edge", {
      clusterIP: "10.0.0.1",
      selector: { app: "edge" },
      ports: [{ name: "http", port: 80 }],
    });
    const objects = [edge, bound("here"), bound("elsewhere", "shop")];
    const names = (labels: Record<string, string>) =>
      view(objects, aNode({ type: "router", labels })).gateways.map(({ name }) => name);
    expect(names({ app: "edge" })).toEqual(["here"]);
    expect(names({ istio: "edge" })).toEqual([]);
  });
});
