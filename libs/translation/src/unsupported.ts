import type { ProxyConfigSpec } from "@weft/istio-api";
import type { BuildContext } from "./context.ts";
import type { Reporter } from "./problems.ts";
import { configRef } from "./refs.ts";
import { attachedPolicies } from "./security/attachment.ts";

/** Paths of fields that Weft accepts but does not carry out, by kind; `[]` stands for every item. */
const fields = {
  DestinationRule: [
    ...[
      "spec.trafficPolicy",
      "spec.trafficPolicy.portLevelSettings[]",
      "spec.subsets[].trafficPolicy",
      "spec.subsets[].trafficPolicy.portLevelSettings[]",
    ].map((policy) => `${policy}.outlierDetection.outlierDetectionHttpErrorCodes`),
  ],
  Sidecar: [
    "spec.ingress[].tls.insecureSkipVerify",
    "spec.ingress[].port.targetPort",
    "spec.egress[].port.targetPort",
  ],
  Gateway: [
    "spec.servers[].defaultEndpoint",
    "spec.servers[].port.targetPort",
    "spec.servers[].tls.insecureSkipVerify",
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** A kind whose unsupported fields are known. */
export type CheckedKind = keyof typeof fields;

type Step = { readonly name: string; readonly each: boolean };

const plans = new Map<CheckedKind, readonly (readonly Step[])[]>(
  (Object.keys(fields) as CheckedKind[]).map((kind) => [
    kind,
    fields[kind].map((path) =>
      path.split(".").map((part) => ({ name: part.replace("[]", ""), each: part.endsWith("[]") })),
    ),
  ]),
);

function visit(value: unknown, steps: readonly Step[], path: string, report: Reporter): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    report.unsupported(path, path.slice(path.lastIndexOf(".") + 1));
    return;
  }
  if (value === null || typeof value !== "object") return;
  const next = (value as Readonly<Record<string, unknown>>)[step.name]; // any object may be asked for a name
  if (next === undefined) return;
  const at = path === "" ? step.name : `${path}.${step.name}`;
  if (!step.each) visit(next, rest, at, report);
  else if (Array.isArray(next))
    for (const [i, item] of next.entries()) visit(item, rest, `${at}[${i}]`, report);
}

/** Reports every field of an object that is set but has no effect. */
export function reportUnsupported(
  kind: CheckedKind,
  object: { readonly spec: unknown },
  report: Reporter,
): void {
  for (const steps of plans.get(kind) ?? []) visit(object, steps, "", report);
}

/**
 * Reports the ProxyConfigs that are for a proxy: what they say would have to be there when it starts, and whoever injects
 * proxies reads it elsewhere.
 */
export function reportProxyConfigs({ view, problems }: Pick<BuildContext, "view" | "problems">): void {
  for (const config of attachedPolicies<ProxyConfigSpec>(view, "ProxyConfig"))
    problems
      .for(configRef(config))
      .warn(
        "unsupported-kind",
        "",
        "ProxyConfig is not supported and has no effect; allowed are defaultConfig of MeshConfig and the annotation proxy.istio.io/config",
      );
}
