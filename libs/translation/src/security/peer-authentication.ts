import type { PeerAuthentication } from "@weft/istio-api";
import { type Config, type MeshSnapshot, selects } from "@weft/mesh-model";

/** How a workload takes connections: mutual TLS only, both, or plain text only. */
export type MtlsMode = "STRICT" | "PERMISSIVE" | "DISABLE";

/** A workload, and the port of it that is asked about; absent for all ports without a setting of their own. */
export interface MtlsSubject {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port?: number;
}

type Policies = readonly Config<PeerAuthentication>[];

function modeOf(mode: string | undefined): MtlsMode | undefined {
  return mode === "STRICT" || mode === "PERMISSIVE" || mode === "DISABLE" ? mode : undefined;
}

function forAll({ spec }: Config<PeerAuthentication>): boolean {
  return Object.keys(spec.selector?.matchLabels ?? {}).length === 0;
}

/**
 * The mode in force: of the policy that selects the workload (its port's own, first), else of its namespace, else of
 * the root namespace, else PERMISSIVE. The oldest of several counts; UNSET passes the question on.
 * https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export function mtlsModeOf(snapshot: MeshSnapshot, subject: MtlsSubject): MtlsMode {
  // The kind was validated on the way into the snapshot.
  const all = (snapshot.configs.others.get("PeerAuthentication") ?? []) as Policies;
  if (all.length === 0) return "PERMISSIVE";
  const inNamespace = (namespace: string) => all.filter((policy) => policy.namespace === namespace);
  const own = inNamespace(subject.namespace);
  const selecting = own.find(
    (policy) => !forAll(policy) && selects(policy.spec.selector?.matchLabels ?? {}, subject.labels),
  );
  const ofPort =
    subject.port === undefined ? undefined : selecting?.spec.portLevelMtls?.[String(subject.port)]?.mode;
  return (
    modeOf(ofPort) ??
    modeOf(selecting?.spec.mtls?.mode) ??
    modeOf(own.find(forAll)?.spec.mtls?.mode) ??
    modeOf(inNamespace(snapshot.meshConfig.rootNamespace).find(forAll)?.spec.mtls?.mode) ??
    "PERMISSIVE"
  );
}

/** Ports for which a policy that selects the workload has a mode of its own, in order. */
export function mtlsPorts(snapshot: MeshSnapshot, subject: MtlsSubject): readonly number[] {
  const all = (snapshot.configs.others.get("PeerAuthentication") ?? []) as Policies;
  const selecting = all.find(
    (policy) =>
      policy.namespace === subject.namespace &&
      !forAll(policy) &&
      selects(policy.spec.selector?.matchLabels ?? {}, subject.labels),
  );
  return Object.keys(selecting?.spec.portLevelMtls ?? {})
    .map(Number)
    .sort((a, b) => a - b);
}
