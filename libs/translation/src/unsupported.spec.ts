import { ProblemList } from "./problems.ts";
import { reportUnservedTargets } from "./security/attachment.ts";
import { parseObjects, snapshotOf, viewOf } from "./testing/mesh.ts";
import { type CheckedKind, reportProxyConfigs, reportUnsupported } from "./unsupported.ts";

function paths(kind: CheckedKind, spec: unknown): readonly string[] {
  const problems = new ProblemList();
  const ref = { apiVersion: "networking.istio.io/v1", kind, name: "a", namespace: "ns" };
  reportUnsupported(kind, { spec }, problems.for(ref));
  return problems.all().map(({ path, message }) => `${path}: ${message}`);
}

describe("reportUnsupported()", () => {
  it.each<[CheckedKind, unknown, readonly string[]]>([
    ["DestinationRule", { host: "a", trafficPolicy: { loadBalancer: { simple: "RANDOM" } } }, []],
    [
      "DestinationRule",
      {
        subsets: [
          {},
          {
            trafficPolicy: {
              portLevelSettings: [{ outlierDetection: { outlierDetectionHttpErrorCodes: [429] } }],
            },
          },
        ],
      },
      [
        "spec.subsets[1].trafficPolicy.portLevelSettings[0].outlierDetection.outlierDetectionHttpErrorCodes: outlierDetectionHttpErrorCodes is not supported and has no effect",
      ],
    ],
    [
      "Sidecar",
      { ingress: [{ tls: { insecureSkipVerify: true } }] },
      ["spec.ingress[0].tls.insecureSkipVerify: insecureSkipVerify is not supported and has no effect"],
    ],
    // what validation has let pass in another shape is not this function's business
    ["Sidecar", { ingress: null }, []],
    ["Sidecar", undefined, []],
  ])("of %s %j", (kind, spec, expected) => {
    expect(paths(kind, spec)).toEqual(expected);
  });
});

describe("reportProxyConfigs()", () => {
  const proxyConfig = (name: string, namespace: string, matchLabels?: object) => ({
    apiVersion: "networking.istio.io/v1beta1",
    kind: "ProxyConfig",
    metadata: { name, namespace },
    spec: { concurrency: 1, ...(matchLabels ? { selector: { matchLabels } } : {}) },
  });

  it("names those that are for the proxy", () => {
    const objects = parseObjects([
      proxyConfig("of-the-mesh", "istio-system"),
      proxyConfig("of-the-workload", "shop", { app: "web" }),
      proxyConfig("of-another", "shop", { app: "other" }),
      proxyConfig("elsewhere", "bank"),
    ]);
    const id = "sidecar~10.0.0.9~web-1.shop~shop.svc.cluster.local";
    const view = viewOf(snapshotOf(objects), { id, metadata: { LABELS: { app: "web" } } });
    const problems = new ProblemList();
    reportProxyConfigs({ view, problems });
    expect(problems.all().map(({ object }) => object?.name)).toEqual(["of-the-mesh", "of-the-workload"]);
  });
});

describe("reportUnservedTargets()", () => {
  it.each([
    ["security.istio.io/v1", "AuthorizationPolicy", {}],
    ["telemetry.istio.io/v1", "Telemetry", {}],
    ["extensions.istio.io/v1alpha1", "TrafficExtension", { lua: { inlineCode: "x = 1" } }],
    ["extensions.istio.io/v1alpha1", "WasmPlugin", { url: "oci://example.com/p:v1" }],
  ])("says of %s %s that nobody serves a Service", (apiVersion, kind, spec) => {
    const targetRefs = [{ group: "", kind: "Service", name: "web" }];
    const object = {
      apiVersion,
      kind,
      metadata: { name: "for-a-waypoint", namespace: "shop" },
      spec: { ...spec, targetRefs },
    };
    const id = "sidecar~10.0.0.9~web-1.shop~shop.svc.cluster.local";
    const problems = new ProblemList();
    reportUnservedTargets({ view: viewOf(snapshotOf(parseObjects([object])), { id }), problems });
    expect(problems.all().map(({ path }) => path)).toEqual(["spec.targetRefs[0]"]);
  });
});
