import type {
  BackendTLSPolicySpec,
  ClientTLSSettings,
  PolicyAncestorStatus,
  ServiceEntry,
} from "@weft/istio-api";
import type { Config, MeshObject, ObjectStatus } from "@weft/mesh-model";
import { conditionsOf, type Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { annotation, destinationRuleName, gatewayController, meshController } from "../names.ts";
import { generatedObject, refOf } from "../output.ts";
import { type PolicyTarget, resolveTarget } from "./targets.ts";

type Policy = Config<BackendTLSPolicySpec>;

/** What backends and policies are looked up in. */
export interface PolicyScope {
  readonly context: Context;
  readonly serviceEntries: ReadonlyMap<string, Config<ServiceEntry>>;
  /** Names of the Gateways whose routes lead to a host, sorted. */
  gatewaysOf(host: string): readonly string[];
  /** The status a policy has. */
  ancestorsOf(policy: Policy): readonly PolicyAncestorStatus[];
}

/** A policy says by this annotation that Istio must not carry it out. */
const ignoreAnnotation = "istio.io/ignore-policy-attachment";

/** Where certificates are looked for when none can be used: nothing is there, so that nothing is trusted. */
const invalidCredential = "invalid://";

interface Validated {
  readonly tls: ClientTLSSettings;
  readonly accepted?: Failure;
  readonly resolved?: Failure;
}

/** The name certificates of authorities are fetched by; empty for those of the system. */
function authorities(
  { namespace, spec: { validation } }: Policy,
  { input }: Context,
): { readonly name: string; readonly accepted?: Failure; readonly resolved?: Failure } {
  const { wellKnownCACertificates: wellKnown, caCertificateRefs = [] } = validation;
  if (wellKnown !== undefined && wellKnown !== "System") {
    const message = `Unknown wellKnownCACertificates: ${wellKnown}; System is known`;
    return { name: "", accepted: { reason: "Invalid", message } };
  }
  // Of several only the first is used: the proxy takes one set of authorities.
  const [ref] = caCertificateRefs;
  if (ref === undefined) return { name: "" };
  const failed = (reason: string, message: string) => ({
    name: invalidCredential,
    accepted: { reason: "NoValidCACertificate", message: `Certificate reference invalid: ${message}` },
    resolved: { reason, message: `Certificate reference invalid: ${message}` },
  });
  const { group = "", kind = "", name } = ref;
  if (group !== "" || kind !== "ConfigMap")
    return failed("InvalidKind", `unsupported kind ${kind}; ConfigMap is supported`);
  const state = input.credentials.authorities("ConfigMap", namespace, name);
  if (state === "absent")
    return failed("InvalidCACertificateRef", `reference ${namespace}/${name} (of kind ConfigMap) not found`);
  if (typeof state === "object") return failed("InvalidCACertificateRef", state.problem);
  return { name: `configmap://${namespace}/${name}` };
}

function validate(policy: Policy, context: Context): Validated {
  const { hostname, subjectAltNames = [] } = policy.spec.validation;
  const { name, ...failures } = authorities(policy, context);
  const names = subjectAltNames.flatMap(
    ({ type, hostname: host, uri }) => (type === "URI" ? uri : host) ?? [],
  );
  return {
    tls: {
      mode: "SIMPLE",
      ...(name === "" ? {} : { credentialName: name }),
      ...(names.length > 0 ? { subjectAltNames: names } : {}),
      sni: hostname,
    },
    ...failures,
  };
}

interface Application {
  readonly policy: Policy;
  readonly target: PolicyTarget;
  readonly tls: ClientTLSSettings;
}

/** Converts BackendTLSPolicies, in order of precedence: https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicy */
export function convertBackendTlsPolicies(
  policies: readonly Policy[],
  scope: PolicyScope,
): { readonly objects: readonly MeshObject[]; readonly statuses: readonly ObjectStatus[] } {
  const winners = new Map<string, Policy>();
  const applications: Application[] = [];
  const statuses = policies.map((policy): ObjectStatus => {
    const status = (own: readonly PolicyAncestorStatus[]) => {
      const others = scope
        .ancestorsOf(policy)
        .filter(
          ({ controllerName }) => controllerName !== gatewayController && controllerName !== meshController,
        );
      return { object: refOf(policy), status: { ancestors: [...others, ...own] } };
    };
    if (policy.annotations[ignoreAnnotation] === "true") return status(ignored(policy));
    const validated = validate(policy, scope.context);
    const gateways = new Set<string>();
    let wrong: Failure | undefined;
    const ancestors = policy.spec.targetRefs.map((ref): PolicyAncestorStatus => {
      const target = resolveTarget(ref, policy.namespace, scope.context, scope.serviceEntries);
      let accepted = validated.accepted;
      if (typeof target === "string") {
        accepted = { reason: "TargetNotFound", message: `targetRefs invalid: ${target}` };
      } else {
        for (const host of target.hosts) for (const name of scope.gatewaysOf(host)) gateways.add(name);
        const key = `${target.key}/${target.port ?? ""}`;
        const winner = winners.get(key);
        if (winner && winner !== policy) {
          const message = `Conflicts with BackendTLSPolicy "${winner.name}" targeting the same backend`;
          accepted = { reason: "Conflicted", message };
        } else {
          winners.set(key, policy);
          if (winner === undefined) applications.push({ policy, target, tls: validated.tls });
        }
      }
      wrong = accepted ?? wrong;
      return ancestor(meshController, toAncestorRef(ref), accepted, validated.resolved);
    });
    const ofGateways = [...gateways].sort().map((name) => {
      const ref = { group: "gateway.networking.k8s.io", kind: "Gateway", name };
      return ancestor(gatewayController, ref, wrong, validated.resolved);
    });
    return status([...ancestors, ...ofGateways]);
  });
  return { objects: toDestinationRules(applications), statuses };
}

type AncestorRef = PolicyAncestorStatus["ancestorRef"];

function toAncestorRef({
  group = "",
  kind,
  name,
  sectionName,
}: Policy["spec"]["targetRefs"][number]): AncestorRef {
  return { group, kind, name, ...(sectionName === undefined ? {} : { sectionName }) };
}

function ancestor(
  controllerName: string,
  ancestorRef: AncestorRef,
  accepted: Failure | undefined,
  resolved: Failure | undefined,
): PolicyAncestorStatus {
  const conditions = conditionsOf("policy", { failures: { Accepted: accepted, ResolvedRefs: resolved } });
  return { ancestorRef, controllerName, conditions };
}

function ignored({ spec }: Policy): readonly PolicyAncestorStatus[] {
  const message = `Ignored by Istio due to annotation ${ignoreAnnotation}=true`;
  const failures = { Accepted: { reason: "IgnoredByIstio", message } };
  const conditions = conditionsOf("ignoredPolicy", { failures });
  return spec.targetRefs.map((ref) => ({
    ancestorRef: toAncestorRef(ref),
    controllerName: meshController,
    conditions,
  }));
}

/** One DestinationRule for each host: what applies to the whole of it, and what to single ports. */
function toDestinationRules(applications: readonly Application[]): readonly MeshObject[] {
  return [...Map.groupBy(applications, ({ target }) => target.key).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { target, policy } = first;
    const whole = group.find((one) => one.target.port === undefined);
    const portLevelSettings = group
      .flatMap(({ target: { port }, tls }) => (port === undefined ? [] : [{ port: { number: port }, tls }]))
      .sort((a, b) => a.port.number - b.port.number);
    const parents = [...new Set(group.map((one) => one.policy))];
    const annotations = {
      [annotation.parents]: parents
        .map(({ kind, name, namespace }) => `${kind}/${namespace}.${name}`)
        .join(","),
    };
    const trafficPolicy = {
      ...(whole ? { tls: whole.tls } : {}),
      ...(portLevelSettings.length > 0 ? { portLevelSettings } : {}),
    };
    return target.hosts.map((host) =>
      generatedObject(
        "DestinationRule",
        destinationRuleName(target.name, target.kind === "Service" ? undefined : host),
        // As old as no object: it came with the backend, not with one of its policies.
        {
          namespace: policy.namespace,
          createdAt: 0,
          ...(policy.position ? { position: policy.position } : {}),
        },
        { annotations, spec: { host, trafficPolicy } },
      ),
    );
  });
}
