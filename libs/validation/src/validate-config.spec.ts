import { deepFreeze } from "@weft/base";
import type { MeshObject } from "@weft/mesh-model";
import { validateConfig } from "./validate-config.ts";

const object = (kind: string, spec: unknown): MeshObject =>
  deepFreeze({
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name: "x", namespace: "default", labels: {}, annotations: {} },
    body: { spec },
  });

/** `path: message` of each problem, warnings marked. */
const findings = (kind: string, spec: unknown): readonly string[] =>
  validateConfig(object(kind, spec)).map(
    ({ severity, path, message }) => `${severity === "warning" ? "warning " : ""}${path}: ${message}`,
  );

const to = (host: string, more: object = {}) => ({ destination: { host }, ...more });
const web = { hosts: ["web"], http: [{ route: [to("web")] }] };
const httpRoute = (route: object) =>
  findings("VirtualService", { hosts: ["web"], http: [{ route: [to("web")], ...route }] });

describe("validateConfig()", () => {
  it("has nothing to say of other kinds", () => {
    expect(findings("EnvoyFilter", {})).toEqual([]);
    expect(validateConfig({ ...object("VirtualService", {}), apiVersion: "example.com/v1" })).toEqual([]);
  });

  it("tells problems with a stable code", () => {
    expect(validateConfig(object("VirtualService", { ...web, hosts: ["*"] }))).toEqual([
      {
        severity: "error",
        code: "invalid-host",
        path: "spec.hosts[0]",
        message: '"*" would take all traffic of the mesh; it is allowed only with gateways other than mesh',
      },
    ]);
  });
});

describe("validateConfig() VirtualService", () => {
  it("takes a sound one", () => {
    expect(findings("VirtualService", web)).toEqual([]);
    const full = {
      hosts: ["*.example.com", "10.0.0.1"],
      gateways: ["edge", "infra/edge"],
      exportTo: ["."],
      http: [
        {
          match: [{ uri: { prefix: "/a" }, headers: { "end-user": { regex: "(?i)j.*" } }, port: 80 }],
          route: [
            to("web", { weight: 90, headers: { response: { set: { a: "%START_TIME(%s)% 100%%" } } } }),
            to("api.other", { weight: 10 }),
          ],
          timeout: "1.5s",
          retries: { attempts: 3, perTryTimeout: "100ms", retryOn: "5xx, reset,503" },
          fault: {
            delay: { percentage: { value: 0.1 }, fixedDelay: "5s" },
            abort: { grpcStatus: "UNAVAILABLE" },
          },
          corsPolicy: { allowOrigins: [{ regex: ".*" }], allowMethods: ["GET"], maxAge: "24h" },
          mirrors: [{ destination: { host: "shadow" }, percentage: { value: 5 } }],
        },
        { match: [{ uri: { prefix: "/b" } }], redirect: { prefixRewrite: "/c", redirectCode: 308 } },
        { directResponse: { status: 503, body: { string: "no" } } },
      ],
      tls: [
        { match: [{ sniHosts: ["a.example.com"], destinationSubnets: ["10.0.0.0/8"] }], route: [to("web")] },
      ],
      tcp: [{ match: [{ sourceSubnet: "10.0.0.1" }], route: [to("web")] }],
    };
    expect(findings("VirtualService", full)).toEqual([]);
  });

  it.each([
    [
      { ...web, hosts: ["a_b"] },
      'spec.hosts[0]: "a_b" is not a host; allowed are DNS names, with * only as the first label',
    ],
    [
      { ...web, hosts: ["*.a.com", "b.a.com"] },
      'spec.hosts[1]: "b.a.com" overlaps with "*.a.com"; name each host once',
    ],
    [{ hosts: ["web"] }, "spec: has no routes; one of http, tcp and tls must be set"],
    [
      { ...web, gateways: ["a/b/c"] },
      'spec.gateways[0]: "a/b/c" is not the name of a gateway; allowed are mesh, name and namespace/name',
    ],
    [{ ...web, exportTo: ["*", "a"] }, 'spec.exportTo: "*" stands beside others; it must stand alone'],
    [{ ...web, exportTo: ["~"] }, 'spec.exportTo[0]: "~" is allowed only for ServiceEntries'],
    [
      { ...web, hosts: [], gateways: ["edge"] },
      "spec.gateways: must not be set without hosts: a delegate is bound by its root",
    ],
    [
      { hosts: ["web"], tcp: [{ match: [{ port: 1 }] }] },
      "spec.tcp[0].route: is empty; it must name a destination",
    ],
    [
      { hosts: ["web.com"], tls: [{ match: [{ sniHosts: ["other.com"] }], route: [to("web")] }] },
      'spec.tls[0].match[0].sniHosts[0]: "other.com" is none of the hosts of the VirtualService',
    ],
  ])("rejects %j", (spec, finding) => {
    expect(findings("VirtualService", spec)).toEqual([finding]);
  });

  it.each([
    [
      { redirect: { uri: "/" } },
      "redirect: must not be set beside route: a redirected request reaches no destination",
    ],
    [
      { route: [] },
      ": says not what to do with requests; one of route, redirect, directResponse or delegate must be set",
    ],
    [
      { route: [to("a"), to("b")] },
      "route: has several destinations and no weight; at least one must be above 0",
    ],
    [{ route: [to("a", { weight: -1 })] }, "route[0].weight: -1 is negative; allowed are 0 and above"],
    [
      { route: [to("*")] },
      'route[0].destination.host: "*" is not a host; allowed are names of services, short or whole',
    ],
    [
      { route: [{ destination: { host: "a", port: { number: 0 } } }] },
      "route[0].destination.port.number: 0 is not a port; allowed are 1 to 65535",
    ],
    [{ match: [{ uri: { regex: "(" } }] }, 'match[0].uri.regex: regex "(" is not valid in RE2'],
    [{ match: [{ uri: { regex: "(?=a)" } }] }, 'match[0].uri.regex: regex "(?=a)" is not valid in RE2'],
    [
      { match: [{ headers: { a: { prefix: "" } } }] },
      "match[0].headers[a].prefix: is an empty prefix; leave the match out to match everything",
    ],
    [
      { match: [{ sourceNamespace: "A_b" }] },
      'match[0].sourceNamespace: "A_b" is not the name of a namespace',
    ],
    [{ timeout: "1.0000001s" }, 'timeout: "1.0000001s" is finer than milliseconds; allowed are whole ones'],
    [{ retries: { attempts: 1, retryOn: "often" } }, 'retries.retryOn: "often" is not a reason to retry'],
    [
      { fault: { delay: { fixedDelay: "1s", percentage: { value: 101 } } } },
      "fault.delay.percentage.value: 101 is not a percentage; allowed are 0 to 100",
    ],
    [
      { fault: { abort: { httpStatus: 99 } } },
      "fault.abort.httpStatus: 99 is not a status; allowed are 200 to 599",
    ],
    [{ fault: {} }, "fault: has no fault; set delay or abort"],
    [{ rewrite: {} }, "rewrite: says not what to rewrite; set uri, uriRegexRewrite or authority"],
    [{ headers: { request: { set: { "": "a" } } } }, 'headers.request.set[]: "" is not the name of a header'],
    [
      { headers: { request: { add: { a: "50%" } } } },
      'headers.request.add[a]: "50%" has a % that starts no command; write %% for a % itself',
    ],
    [
      { mirror: { host: "a" }, mirrors: [{ destination: { host: "a" } }] },
      "mirrors: must not be set beside mirror: mirrors stands for both",
    ],
    [{ corsPolicy: { allowMethods: ["get"] } }, 'corsPolicy.allowMethods[0]: "get" is not a method'],
  ])("rejects a route with %j", (route, finding) => {
    const path = finding.startsWith(":") ? "spec.http[0]" : "spec.http[0].";
    expect(httpRoute(route)).toEqual([expect.stringContaining(path + finding)]);
  });

  it("warns of deprecated fields", () => {
    expect(httpRoute({ mirror: { host: "a" }, mirrorPercent: 5 })).toEqual([
      "warning spec.http[0].mirrorPercent: is deprecated; use mirrorPercentage",
    ]);
  });

  it("rejects a redirect of a prefix that is matched otherwise", () => {
    const spec = {
      hosts: ["web"],
      http: [{ match: [{ uri: { exact: "/a" } }], redirect: { prefixRewrite: "/b" } }],
    };
    expect(findings("VirtualService", spec)).toEqual([
      "spec.http[0].match[0].uri: must match a prefix, as the redirect replaces one (prefixRewrite)",
    ]);
  });
});

describe("validateConfig() DestinationRule", () => {
  const policy = (trafficPolicy: object) => findings("DestinationRule", { host: "web", trafficPolicy });

  it("takes a sound one", () => {
    const spec = {
      host: "web",
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 100 } },
        loadBalancer: {
          consistentHash: { httpCookie: { name: "u", ttl: "0s" }, maglev: { tableSize: 65537 } },
        },
        outlierDetection: { consecutive5xxErrors: 3, interval: "10s", maxEjectionPercent: 50 },
        tls: { mode: "SIMPLE", credentialName: "c" },
        portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: "RANDOM" } }],
      },
      subsets: [
        { name: "v1", labels: { version: "v1" } },
        { name: "v2", labels: { version: "v2" } },
      ],
    };
    expect(findings("DestinationRule", spec)).toEqual([]);
  });

  it("rejects subsets of one name", () => {
    expect(findings("DestinationRule", { host: "web", subsets: [{ name: "v1" }, { name: "v1" }] })).toEqual([
      'spec.subsets: "v1" stands more than once; name each subset once',
    ]);
  });

  it.each([
    [{}, ": is empty; set at least one field, or leave it out"],
    [{ connectionPool: {} }, ".connectionPool: is empty; set tcp or http, or leave it out"],
    [
      { connectionPool: { tcp: { maxConnections: -1 } } },
      ".connectionPool.tcp.maxConnections: -1 is negative; allowed are 0 and above",
    ],
    [
      { outlierDetection: { maxEjectionPercent: 101 } },
      ".outlierDetection.maxEjectionPercent: 101 is not a percentage; allowed are 0 to 100",
    ],
    [
      { loadBalancer: { consistentHash: { maglev: { tableSize: 10 } } } },
      ".loadBalancer.consistentHash.maglev.tableSize: 10 is not a prime number up to 5000011",
    ],
    [
      { loadBalancer: { localityLbSetting: { distribute: [{ from: "a", to: { b: 50 } }] } } },
      ".loadBalancer.localityLbSetting.distribute[0].to: has weights that add up to 50; they must to 100",
    ],
    [
      { tls: { mode: "MUTUAL", privateKey: "k" } },
      ".tls.clientCertificate: is missing; mode MUTUAL needs it, or credentialName",
    ],
    [
      { tls: { mode: "SIMPLE", credentialName: "c", caCertificates: "f" } },
      ".tls.caCertificates: must not be set beside credentialName, which holds it",
    ],
    [
      { portLevelSettings: [{ loadBalancer: { simple: "RANDOM" } }] },
      ".portLevelSettings[0].port.number: is missing; it must be set",
    ],
  ])("rejects a policy %j", (trafficPolicy, finding) => {
    expect(policy(trafficPolicy)).toEqual([`spec.trafficPolicy${finding}`]);
  });
});

describe("validateConfig() Gateway", () => {
  const server = (more: object) =>
    findings("Gateway", {
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"], ...more }],
    });
  const https = { number: 443, name: "https", protocol: "HTTPS" };

  it.each([
    [{}, []],
    [{ hosts: ["./a.example.com", "*/*.example.com"], tls: { httpsRedirect: true } }, []],
    [{ port: https, tls: { mode: "SIMPLE", credentialName: "c" } }, []],
    [{ hosts: ["short"] }, ['hosts[0]: "short" is a short name; a gateway needs whole ones']],
    [{ hosts: ["*a.com"] }, ['hosts[0]: "*a.com" has a * that is not a whole label; write *.a.com']],
    [{ hosts: ["~/a.com"] }, ['hosts[0]: "~" is not a namespace; allowed are names, "." and "*"']],
    [{ hosts: [] }, ["hosts: is empty; name at least one host, or *"]],
    [{ port: https }, ["tls: is missing; protocol HTTPS needs it"]],
    [{ tls: { mode: "SIMPLE" } }, ["tls: must not be set with protocol HTTP, but for httpsRedirect"]],
    [
      { port: https, tls: { mode: "MUTUAL", credentialName: "c", serverCertificate: "f" } },
      ["tls.serverCertificate: must not be set beside credentialName"],
    ],
    [
      { port: https, tls: { mode: "SIMPLE" } },
      [
        "tls.serverCertificate: is missing; mode SIMPLE needs it, or credentialName",
        "tls.privateKey: is missing; mode SIMPLE needs it, or credentialName",
      ],
    ],
  ])("says of a server with %j: %j", (more, expected) => {
    expect(server(more)).toEqual(expected.map((finding) => `spec.servers[0].${finding}`));
  });
});

describe("validateConfig() Sidecar", () => {
  it.each([
    [{ egress: [{ hosts: ["./*", "istio-system/*"] }] }, []],
    [{}, [": is empty; set ingress, egress, outboundTrafficPolicy or inboundConnectionPool"]],
    [
      { egress: [{ hosts: ["web"] }] },
      ['.egress[0].hosts[0]: "web" has no namespace; write namespace/host, as ./* or */api.example.com'],
    ],
    [
      { egress: [{ hosts: ["./*"] }, { hosts: ["a/*"] }] },
      [".egress[0].port: may be left out only in the last listener"],
    ],
    [
      { ingress: [{ port: { number: 80, protocol: "HTTP", name: "h" }, defaultEndpoint: "10.0.0.1:80" }] },
      [
        '.ingress[0].defaultEndpoint: "10.0.0.1:80" is not an endpoint; allowed are 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT and unix://PATH',
      ],
    ],
    [
      { ingress: [{ port: { number: 80, protocol: "HTTP" } }, { port: { number: 80, protocol: "TCP" } }] },
      [".ingress: port 80 stands more than once; listen on each port once"],
    ],
  ])("says of %j: %j", (spec, expected) => {
    expect(findings("Sidecar", spec)).toEqual(expected.map((finding) => `spec${finding}`));
  });

  it("warns of hosts that are part of others", () => {
    expect(findings("Sidecar", { egress: [{ hosts: ["./*", "default/a.com", "b/c.com"] }] })).toEqual([
      'warning spec.egress[0].hosts[1]: "default/a.com" is part of "default/*"',
    ]);
  });
});

describe("validateConfig() ServiceEntry", () => {
  const entry = { hosts: ["a.com"], ports: [{ number: 80, name: "http", protocol: "HTTP" }] };
  it.each([
    [{ ...entry, resolution: "DNS" }, []],
    [
      { ...entry, hosts: ["*.a.com"], resolution: "DNS" },
      ['.hosts[0]: "*.a.com" cannot be looked up; name a host, or endpoints'],
    ],
    [
      { ...entry, resolution: "STATIC", endpoints: [{ address: "b.com" }] },
      ['.endpoints[0].address: "b.com" is not an IP address; resolution STATIC needs one'],
    ],
    [
      { ...entry, resolution: "STATIC", endpoints: [{ address: "1.1.1.1", ports: { grpc: 1 } }] },
      [`.endpoints[0].ports[grpc]: "grpc" is none of the entry's ports`],
    ],
    [
      { ...entry, addresses: ["a"], resolution: "DNS" },
      ['.addresses[0]: "a" is not an address; allowed are IP addresses and prefixes'],
    ],
    [{ ...entry, exportTo: ["~"] }, []],
  ])("says of %j: %j", (spec, expected) => {
    expect(findings("ServiceEntry", spec)).toEqual(expected.map((finding) => `spec${finding}`));
  });
});
