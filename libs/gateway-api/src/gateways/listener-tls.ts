import {
  gatewayApiGroup,
  type KubernetesGatewaySpec,
  type Listener,
  type ObjectReference,
  type ServerTLSSettings,
} from "@weft/istio-api";
import type { Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import type { CredentialState } from "../references/credentials.ts";

/** The object a listener stands in: whose ReferenceGrants count, and in whose namespace names without one are. */
export interface ListenerOwner {
  readonly kind: "Gateway" | "ListenerSet";
  readonly namespace: string;
}

/** The TLS of a server, or why there can be none. */
export type BuiltTls = { readonly settings: ServerTLSSettings | undefined } | { readonly failure: Failure };

interface Reference {
  readonly context: Context;
  readonly owner: ListenerOwner;
}

/** `group/Kind/name.namespace`, as Istio writes a reference in messages. */
function written({ group = "", kind = "", name, namespace = "" }: ObjectReference): string {
  return `${group}/${kind}/${name}.${namespace}`;
}

function problemOf(state: CredentialState, what: string): string | undefined {
  if (state === "absent") return `${what} not found`;
  return typeof state === "object" ? state.problem : undefined;
}

function notPermitted(field: string, name: string, owner: ListenerOwner): Failure {
  const message = `${field} ${name} not accessible to a Gateway in namespace "${owner.namespace}" (missing a ReferenceGrant?)`;
  return { reason: "RefNotPermitted", message };
}

function isAllowed(ref: ObjectReference, kind: string, { context, owner }: Reference): boolean {
  const to = { group: "", kind, namespace: ref.namespace ?? owner.namespace, name: ref.name };
  return context.grants.allow({ group: gatewayApiGroup, ...owner }, to);
}

/** Why a reference to a certificate and its key is no good; undefined where it is. */
export function checkKeyPairRef(
  ref: ObjectReference,
  { context, owner }: Reference,
  {
    field,
    reason,
  }: { readonly field: "certificate reference" | "clientCertificateRef"; readonly reason: string },
): Failure | undefined {
  const failure = (why: string): Failure => ({ reason, message: `invalid ${field} ${written(ref)}, ${why}` });
  if ((ref.group ?? "") !== "" || (ref.kind ?? "Secret") !== "Secret")
    return failure("only secret is allowed");
  const namespace = ref.namespace ?? owner.namespace;
  if (!isAllowed(ref, "Secret", { context, owner })) {
    const name = field === "clientCertificateRef" ? field : "certificateRef";
    return notPermitted(name, `${ref.name}/${namespace}`, owner);
  }
  const state = context.input.credentials.keyPair(namespace, ref.name);
  const problem = problemOf(state, `secret ${namespace}/${ref.name}`);
  return problem === undefined ? undefined : failure(problem);
}

/** The resource that certificates of authorities are fetched by, or why the reference is no good. */
function authorityResource(
  ref: ObjectReference,
  { context, owner }: Reference,
): { readonly name: string } | { readonly failure: Failure } {
  const { group = "", kind = "", name } = ref;
  const namespace = ref.namespace ?? owner.namespace;
  const failure = (reason: string, why: string) => ({
    failure: { reason, message: `invalid CA certificate reference ${written(ref)}, ${why}` },
  });
  if (group !== "" || (kind !== "Secret" && kind !== "ConfigMap"))
    return failure("InvalidCACertificateKind", "only secret and configmap are allowed");
  if (!isAllowed(ref, kind, { context, owner }))
    return { failure: notPermitted("caCertificateRef", `${namespace}/${name}`, owner) };
  const state = context.input.credentials.authorities(kind, namespace, name);
  const problem = problemOf(state, `${kind.toLowerCase()} ${namespace}/${name}`);
  if (problem !== undefined) return failure("InvalidCACertificateRef", problem);
  const scheme = kind === "Secret" ? "kubernetes-gateway" : "configmap";
  return { name: `${scheme}://${namespace}/${name}-cacert` };
}

/** Modes that Istio's option `gateway.istio.io/tls-terminate-mode` may ask for. */
const terminateModes = ["MUTUAL", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"] as const;

type TlsOfGateway = KubernetesGatewaySpec["tls"];

/** Which clients' certificates a port takes: its own settings, else the Gateway's default. */
function validationFor(port: number, tls: TlsOfGateway) {
  const { default: byDefault, perPort = [] } = tls?.frontend ?? {};
  return (perPort.find((one) => one.port === port)?.tls ?? byDefault)?.validation;
}

/** Whether clients get in somewhere without a certificate that holds, though one is asked for. */
export function takesAnyClient(tls: TlsOfGateway): boolean {
  const { default: byDefault, perPort = [] } = tls?.frontend ?? {};
  return [byDefault, ...perPort.map((one) => one.tls)].some(
    (one) => one?.validation?.mode === "AllowInsecureFallback",
  );
}

/**
 * The TLS settings of a listener, undefined for one without.
 * https://gateway-api.sigs.k8s.io/reference/spec/#listenertlsconfig
 */
export function buildTls(listener: Listener, gatewayTls: TlsOfGateway, at: Reference): BuiltTls {
  const { tls, protocol, port } = listener;
  if (tls === undefined || protocol === "HTTP" || protocol === "TCP") return { settings: undefined };
  if (tls.mode === "Passthrough") return { settings: { mode: "PASSTHROUGH" } };
  const option = tls.options?.["gateway.istio.io/tls-terminate-mode"];
  const mode = terminateModes.find((known) => known === option) ?? "SIMPLE";
  const ciphers = tls.options?.["gateway.istio.io/tls-cipher-suites"];
  const cipherSuites = ciphers ? { cipherSuites: ciphers.split(",").map((name) => name.trim()) } : {};
  if (mode === "ISTIO_MUTUAL") return { settings: { mode, ...cipherSuites } };

  const reason = "InvalidCertificateRef";
  const refs = tls.certificateRefs ?? [];
  if (refs.length < 1 || refs.length > 2)
    return {
      failure: { reason, message: `1 or 2 certificateRefs must be set to terminate TLS, not ${refs.length}` },
    };
  for (const ref of refs) {
    const failure = checkKeyPairRef(ref, at, { field: "certificate reference", reason });
    if (failure) return { failure };
  }
  const names = refs.map((ref) => `kubernetes-gateway://${ref.namespace ?? at.owner.namespace}/${ref.name}`);
  const credential = names.length === 1 ? { credentialName: names[0] ?? "" } : { credentialNames: names };

  const { caCertificateRefs = [], mode: validation } = validationFor(port, gatewayTls) ?? {};
  const [authority, ...others] = caCertificateRefs;
  if (authority === undefined) return { settings: { mode, ...credential, ...cipherSuites } };
  if (others.length > 0)
    return {
      failure: { reason: "InvalidCACertificateRef", message: "only one caCertificateRef is supported" },
    };
  const resource = authorityResource(authority, at);
  if ("failure" in resource) return resource;
  const insecure = validation === "AllowInsecureFallback";
  return {
    settings: {
      mode: insecure ? "OPTIONAL_MUTUAL" : "MUTUAL",
      ...credential,
      caCertCredentialName: resource.name,
      insecureSkipVerify: insecure,
      ...cipherSuites,
    },
  };
}
