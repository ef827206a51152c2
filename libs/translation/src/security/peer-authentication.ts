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

/** A mode, and the policy that set it; none where it is the default. */
export interface MtlsSetting {
  readonly mode: MtlsMode;
  readonly policy?: Config<PeerAuthentication>;
}

/**
 * The mode in force: of the policy that selects the workload (its port's own, first), else of its namespace, else of
 * the root namespace, else PERMISSIVE. The oldest of several counts; UNSET passes the question on.
 * https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export function mtlsSettingOf(snapshot: MeshSnapshot, subject: MtlsSubject): MtlsSetting {
  const all = policiesOf(snapshot);
  if (all.length === 0) return { mode: "PERMISSIVE" };
  const inNamespace = (namespace: string) => all.filter((policy) => policy.namespace === namespace);
  const own = inNamespace(subject.namespace);
  const selecting = selectingPolicy(all, subject);
  const port = subject.port === undefined ? undefined : String(subject.port);
  const candidates = [
    { policy: selecting, mode: port === undefined ? undefined : selecting?.spec.portLevelMtls?.[port]?.mode },
    ...[selecting, own.find(forAll), inNamespace(snapshot.meshConfig.rootNamespace).find(forAll)].map(
      (policy) => ({ policy, mode: policy?.spec.mtls?.mode }),
    ),
  ];
  for (const { policy, mode } of candidates) {
    const known = modeOf(mode);
    if (policy !== undefined && known !== undefined) return { mode: known, policy };
  }
  return { mode: "PERMISSIVE" };
}

/** The mode alone; see {@link mtlsSettingOf}. */
export function mtlsModeOf(snapshot: MeshSnapshot, subject: MtlsSubject): MtlsMode {
  return mtlsSettingOf(snapshot, subject).mode;
}

/** The policies that switch mutual TLS off for something in a namespace, be it for one port of one workload. */
export function disablingPolicies(snapshot: MeshSnapshot, namespace: string): Policies {
  return policiesOf(snapshot).filter(
    (policy) =>
      (policy.namespace === namespace || policy.namespace === snapshot.meshConfig.rootNamespace) &&
      [policy.spec.mtls, ...Object.values(policy.spec.portLevelMtls ?? {})].some(
        (mtls) => mtls?.mode === "DISABLE",
      ),
  );
}

/** Ports for which a policy that selects the workload has a mode of its own, in order. */
export function mtlsPorts(snapshot: MeshSnapshot, subject: MtlsSubject): readonly number[] {
  const selecting = selectingPolicy(policiesOf(snapshot), subject);
  return Object.keys(selecting?.spec.portLevelMtls ?? {})
    .map(Number)
    .sort((a, b) => a - b);
}

function policiesOf(snapshot: MeshSnapshot): Policies {
  // The kind was validated on the way into the snapshot.
  return (snapshot.configs.others.get("PeerAuthentication") ?? []) as Policies;
}

function selectingPolicy(
  all: Policies,
  { namespace, labels }: MtlsSubject,
): Config<PeerAuthentication> | undefined {
  return all.find(
    (policy) =>
      policy.namespace === namespace &&
      !forAll(policy) &&
      selects(policy.spec.selector?.matchLabels ?? {}, labels),
  );
}
