import { ProblemList } from "./problems.ts";
import { type CheckedKind, reportUnsupported } from "./unsupported.ts";

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
          { trafficPolicy: { portLevelSettings: [{ outlierDetection: { consecutiveErrors: 5 } }] } },
        ],
      },
      [
        "spec.subsets[1].trafficPolicy.portLevelSettings[0].outlierDetection.consecutiveErrors: consecutiveErrors is not supported and has no effect",
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
