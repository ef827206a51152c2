/**
 * Who may import whom: DESIGN.md "Libs", one way, checked by `npm run check:imports`.
 * A lib may import itself, the libs listed for it, and npm packages. Apps may import any lib but testkit;
 * nothing imports an app. Specs may import testkit.
 */
const base = ["base"];
const api = [...base, "envoy-api", "istio-api", "mesh-rpc"];
const observed = [...base, "observability"];
const model = [...base, "istio-api", "mesh-model", "validation"];

/** @type {Record<string, string[]>} */
const allowed = {
  base: [],
  "envoy-api": base,
  "istio-api": base,
  "mesh-rpc": base,
  observability: base,
  bus: [...base, "mesh-rpc", "observability"],
  pki: base,
  // Beside DESIGN's list: the API client that sources, the CA, webhooks and status share.
  kubernetes: base,
  // Certificates of one's own and callers' identities: the CA, pilot, agents.
  identity: [...observed, "mesh-rpc", "pki"],
  ca: [...observed, "identity", "pki", "bus", "mesh-rpc", "istio-api", "kubernetes"],
  xds: [...base, "envoy-api", "observability"],
  matching: base,
  "mesh-model": [...base, "istio-api"],
  validation: [...base, "istio-api", "matching", "mesh-model"],
  "config-sources": [...model, "mesh-rpc", "kubernetes"],
  injection: [...base, "istio-api"],
  // Pure, too: Istio's objects out of Kubernetes' own kinds.
  "gateway-api": [...model],
  // Never sources, never xds: a pure function of the view.
  translation: [...base, "envoy-api", "istio-api", "matching", "mesh-model", "mesh-rpc", "validation"],
  // Never the control plane.
  dataplane: [...base, "envoy-api", "xds", "matching", "observability", "pki"],
  // The engines of the apps (docs/decisions): wiring that has logic, so not in an app folder.
  discovery: [
    ...model,
    ...observed,
    "config-sources",
    "gateway-api",
    "translation",
    "xds",
    "bus",
    "envoy-api",
    "identity",
    "mesh-rpc",
    "pki",
  ],
  injector: [...observed, "identity", "injection", "kubernetes", "pki"],
  agent: [...api, "identity", "observability", "pki", "xds"],
  "local-mesh": [
    ...model,
    ...observed,
    "config-sources",
    "discovery",
    "agent",
    "bus",
    "ca",
    "envoy-api",
    "identity",
    "pki",
    "xds",
  ],
  testkit: [...model, ...api, "pki", "matching", "observability", "xds", "translation"],
};

const spec = "\\.spec\\.ts$";
const outside = (lib, names) => `^libs/(?!(${[lib, ...new Set(names)].join("|")})/)`;

const libRules = Object.entries(allowed).map(([lib, names]) => ({
  name: `${lib}-imports`,
  severity: "error",
  comment: `libs/${lib} may import only: ${[...new Set(names)].join(", ") || "nothing"}`,
  from: { path: `^libs/${lib}/src/`, pathNot: `${spec}|/testing/` },
  to: { path: outside(lib, names) },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...libRules,
    {
      name: "no-cycles",
      severity: "error",
      comment: "one way in, one way out",
      from: { pathNot: "/gen/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "nothing-imports-an-app",
      severity: "error",
      from: { path: "^(libs|tools|examples)/", pathNot: spec },
      to: { path: "^apps/" },
    },
    {
      name: "apps-are-apart",
      severity: "error",
      from: { path: "^apps/([^/]+)/" },
      to: { path: "^apps/", pathNot: "^apps/$1/" },
    },
    {
      name: "testkit-in-specs-only",
      severity: "error",
      from: { path: "^(libs|apps)/", pathNot: `${spec}|^libs/testkit/|/testing/|^libs/[^/]+/generate\\.ts$` },
      to: { path: "^libs/testkit/" },
    },
    {
      name: "no-deep-imports",
      severity: "error",
      comment: "across libs only the curated index (and Envoy's generated files) may be imported",
      from: { path: "^(libs|apps|examples)/([^/]+)/" },
      to: { path: "^libs/[^/]+/src/", pathNot: ["^$1/$2/", "/src/(index|evaluate)\\.ts$"] },
    },
    {
      name: "known-libs-only",
      severity: "error",
      comment: "a new lib needs a line in `allowed` above, with what it may import",
      from: { path: "^libs/", pathNot: `^libs/(${Object.keys(allowed).join("|")})/` },
      to: {},
    },
  ],
  options: {
    parser: "swc",
    doNotFollow: { path: ["node_modules", "/gen/"] },
    exclude: { path: ["/gen/", "\\.css$"] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
