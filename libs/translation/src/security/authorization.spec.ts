import { formatProblem } from "@weft/base";
import { defaultMeshConfig } from "@weft/istio-api";
import { createStore } from "@weft/mesh-model";
import { createContext } from "../context.ts";
import type { AuthorizationChain } from "../ir/index.ts";
import { IdentityMemo } from "../memo.ts";
import { ProblemList } from "../problems.ts";
import { anySidecar, parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { reportUnservedTargets } from "./attachment.ts";
import { buildAuthorization } from "./authorization.ts";

interface Options {
  readonly transport?: "http" | "tcp";
  readonly providers?: readonly Readonly<Record<string, unknown>>[];
  readonly labels?: Readonly<Record<string, string>>;
}

const authorizer = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: authorizer, namespace: default }
spec:
  hosts: [authorizer.example.com]
  ports: [{ number: 9000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints: [{ address: 10.0.0.8 }]
`;

/** A policy in namespace default; \`head\` stands beside its name. */
const policy = (name: string, spec: string, head = "") => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: default${head} }
spec: ${spec}
`;

const target = "targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: front }]";

function build(texts: readonly string[], options: Options = {}) {
  const { transport = "http", providers = [], labels = { app: "client" } } = options;
  const store = createStore({ meshConfig: { ...defaultMeshConfig, extensionProviders: providers } });
  for (const object of parseText([authorizer, ...texts].join("---"))) store.apply({ kind: "upsert", object });
  const view = viewOf(store.snapshot(), { ...anySidecar, metadata: { LABELS: { ...labels } } });
  const problems = new ProblemList();
  const chain = buildAuthorization(createContext(view, new IdentityMemo(), problems), transport);
  return { chain, problems: problems.all().map(formatProblem) };
}

/** Names of the rules that are enforced and of those that are tried, by action. */
function ruleNames({ policies }: AuthorizationChain) {
  const short = (name: string) => name.replace("ns[default]-", "");
  return policies.map(({ action, rules, dryRun }) => [
    action,
    rules?.map(({ name }) => short(name)),
    dryRun?.map(({ name }) => short(name)),
  ]);
}

describe("buildAuthorization()", () => {
  it("asks AUDIT, DENY and ALLOW, in this order", () => {
    const { chain } = build([
      policy("c", "{ rules: [{}] }"),
      policy("b", "{ action: DENY, rules: [{}] }"),
      policy("a", "{ action: AUDIT, rules: [{}, {}] }"),
    ]);
    expect(ruleNames(chain)).toEqual([
      ["AUDIT", ["policy[a]-rule[0]", "policy[a]-rule[1]"], undefined],
      ["DENY", ["policy[b]-rule[0]"], undefined],
      ["ALLOW", ["policy[c]-rule[0]"], undefined],
    ]);
  });

  it.each([
    ["true", [undefined, ["policy[a]-rule[0]"]], []],
    ["1", [undefined, ["policy[a]-rule[0]"]], []],
    ["false", [["policy[a]-rule[0]"], undefined], []],
    [
      "yes",
      [["policy[a]-rule[0]"], undefined],
      [
        'AuthorizationPolicy default/a: metadata.annotations["istio.io/dry-run"]: is "yes", allowed are true and false; the policy is enforced',
      ],
    ],
  ])("tries a policy out with istio.io/dry-run %s", (value, [rules, dryRun], expected) => {
    const head = `, annotations: { istio.io/dry-run: "${value}" }`;
    const { chain, problems } = build([policy("a", "{ rules: [{}] }", head)]);
    expect(ruleNames(chain)).toEqual([["ALLOW", rules, dryRun]]);
    expect(problems).toEqual(expected);
  });

  const mixed = `rules: [
    { to: [{ operation: { ports: ["80"] } }, { operation: { methods: [GET] } }] },
    { from: [{ source: { namespaces: [a] } }], when: [{ key: "request.headers[x]", values: ["1"] }] },
    { to: [{ operation: { ports: ["80"] } }] }]`;
  it.each([
    ["ALLOW", ["policy[a]-rule[2]"]],
    ["DENY", ["policy[a]-rule[0]", "policy[a]-rule[1]", "policy[a]-rule[2]"]],
    ["AUDIT", ["policy[a]-rule[0]", "policy[a]-rule[1]", "policy[a]-rule[2]"]],
  ])("holds rules of %s on bytes where they can be told: %j", (action, rules) => {
    const { chain } = build([policy("a", `{ action: ${action}, ${mixed} }`)], { transport: "tcp" });
    expect(ruleNames(chain)).toEqual([[action, rules, undefined]]);
  });

  it.each([
    [
      '{ key: source.ip, values: ["nowhere"] }',
      "when[0].values[0]",
      '"nowhere" is neither an IP address nor a range of them',
    ],
    [
      '{ key: destination.port, notValues: ["80", "99999"] }',
      "when[0].notValues[1]",
      '"99999" is not a port; allowed are 0 to 65535',
    ],
    ['{ key: request.nothing, values: ["1"] }', "when[0].key", "request.nothing is not a condition"],
    ['{ key: toString, values: ["1"] }', "when[0].key", "toString is not a condition"],
  ])("says what is wrong with %s, and allows nothing by it", (condition, path, message) => {
    const { chain, problems } = build([policy("a", `{ rules: [{ when: [${condition}] }] }`)]);
    expect(ruleNames(chain)).toEqual([["ALLOW", [], undefined]]);
    expect(problems).toEqual([
      `AuthorizationPolicy default/a: spec.rules[0].${path}: ${message}; the rule allows nothing`,
    ]);
    const denies = build([policy("a", `{ action: DENY, rules: [{ when: [${condition}] }] }`)]);
    expect(ruleNames(denies.chain)).toEqual([["DENY", ["policy[a]-rule[0]"], undefined]]);
  });

  it.each([
    ["{}", {}, true],
    ["{ selector: { matchLabels: { app: client } } }", { app: "client", version: "v1" }, true],
    ["{ selector: { matchLabels: { app: client } } }", { app: "other" }, false],
    [`{ ${target} }`, { "gateway.networking.k8s.io/gateway-name": "front" }, true],
    [`{ ${target} }`, { "gateway.networking.k8s.io/gateway-name": "back" }, false],
    [`{ ${target} }`, {}, false],
    ["{ targetRefs: [{ group: '', kind: Service, name: front }] }", { app: "front" }, false],
  ])("takes a policy with %s for a workload with %j: %p", (spec, labels, applies) => {
    const { chain } = build([policy("a", spec)], { labels });
    expect(chain.policies).toHaveLength(applies ? 1 : 0);
  });
});

describe("reportUnservedTargets()", () => {
  it("says which policies are for what no proxy serves", () => {
    const service = "targetRefs: [{ group: '', kind: Service, name: web }]";
    const texts = [policy("a", `{ ${service} }`), policy("b", `{ ${target} }`), policy("c", "{}")];
    const problems = new ProblemList();
    reportUnservedTargets({ view: viewOf(snapshotOf(parseText(texts.join("---"))), anySidecar), problems });
    expect(problems.all().map(formatProblem)).toEqual([
      "AuthorizationPolicy default/a: spec.targetRefs[0]: the target kind Service is not supported and has no effect",
    ]);
  });
});

describe("buildAuthorization() with CUSTOM policies", () => {
  const custom = (provider: string) =>
    policy(`by-${provider}`, `{ action: CUSTOM, provider: { name: ${provider} }, rules: [{}] }`);
  const http = (fields: object) => [
    { name: "ours", envoyExtAuthzHttp: { service: "authorizer.example.com", port: 9000, ...fields } },
  ];
  const grpc = [{ name: "ours", envoyExtAuthzGrpc: { service: "authorizer.example.com", port: 9000 } }];

  it("asks the provider about what the rules match", () => {
    const { chain, problems } = build([custom("ours")], { providers: grpc });
    expect(problems).toEqual([]);
    expect(chain.external).toMatchObject([
      {
        rules: [{ name: "istio-ext-authz-ours-ns[default]-policy[by-ours]-rule[0]" }],
        authorizer: { backend: "outbound|9000||authorizer.example.com", timeoutMs: 600_000, failOpen: false },
      },
    ]);
  });

  it("asks one that speaks HTTP about no connection", () => {
    expect(build([custom("ours")], { providers: http({}), transport: "tcp" }).chain.external).toEqual([]);
    expect(build([custom("ours")], { providers: grpc, transport: "tcp" }).chain.external).toHaveLength(1);
  });

  it.each([
    [{ port: 0 }, "port must be 1 to 65535"],
    [{ port: "many" }, "port must be 1 to 65535"],
    [{ service: "" }, "service must be given"],
    [{ service: "default/other.example.com" }, "there is no service default/other.example.com"],
    [{ service: "elsewhere/authorizer.example.com" }, "there is no service elsewhere/authorizer.example.com"],
    [{ statusOnError: "999" }, 'statusOnError must be an HTTP status that Envoy knows, is "999"'],
    [{ statusOnError: 403 }, "statusOnError must be text"],
    [{ timeout: "soon" }, 'timeout must be a duration such as "5s", is "soon"'],
    [{ pathPrefix: "check" }, 'pathPrefix must begin with /, is "check"'],
    [{ failOpen: "yes" }, "failOpen must be true or false"],
    [
      { headersToUpstreamOnAllow: ["*"] },
      'headersToUpstreamOnAllow must not hold "*" alone; allowed are names, "abc*" and "*abc"',
    ],
    [{ includeRequestHeadersInCheck: "x" }, "includeRequestHeadersInCheck must be a list of text"],
    [
      { includeRequestBodyInCheck: { maxRequestBytes: 0 } },
      "includeRequestBodyInCheck.maxRequestBytes must be 1 to 4294967295",
    ],
  ])("denies what the rules match where the provider has %j, and says so", (fields, message) => {
    const { chain, problems } = build([custom("ours")], { providers: http(fields) });
    expect(chain.external).toMatchObject([{ rules: [{}] }]);
    expect(chain.external[0]?.authorizer).toBeUndefined();
    expect(problems).toEqual([
      `AuthorizationPolicy default/by-ours: spec.provider: extension provider "ours": ${message}; what the rules match is denied`,
    ]);
  });

  it.each([
    ["unknown", [], 'the mesh config has no extension provider "ours"'],
    ["there twice", [...grpc, ...grpc], 'the mesh config has several extension providers "ours"'],
    [
      "of another kind",
      [{ name: "ours", zipkin: {} }],
      'extension provider "ours": it is neither envoyExtAuthzHttp nor envoyExtAuthzGrpc',
    ],
  ])("denies where the provider is %s", (_, providers, message) => {
    const { chain, problems } = build([custom("ours")], { providers });
    expect(chain.external[0]?.authorizer).toBeUndefined();
    expect(problems[0]).toContain(message);
  });

  it("denies where a workload has two providers", () => {
    const { chain, problems } = build([custom("ours"), custom("theirs")], {
      providers: [...grpc, { ...grpc[0], name: "theirs" }],
    });
    expect(chain.external.map(({ authorizer: who }) => who)).toEqual([undefined, undefined]);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain("a workload can have one provider, this one has ours, theirs");
  });
});
