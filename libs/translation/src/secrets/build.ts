import { create, toBinary } from "@bufbuild/protobuf";
import type { ObjectRef, WithProblems } from "@weft/base";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import {
  type Secret,
  SecretSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { ServerTLSSettings } from "@weft/istio-api";
import type { CredentialKind, ProxyView } from "@weft/mesh-model";
import { authoritySuffix, secretName } from "../gateway/tls.ts";
import type { IrPart } from "../ir/index.ts";
import type { IdentityMemo } from "../memo.ts";
import { ProblemList } from "../problems.ts";
import { encodeResource } from "../resources/encode-piece.ts";
import { type ResourceList, toResourceList } from "../resources/resource-list.ts";

/** What the name of a secret refers to. */
export interface SecretReference {
  readonly kind: CredentialKind;
  readonly namespace: string;
  readonly name: string;
  /** Certificates of authorities are meant, not a certificate with its key. */
  readonly authorities: boolean;
}

const schemes: Readonly<Record<string, CredentialKind>> = {
  kubernetes: "Secret",
  "kubernetes-gateway": "Secret",
  configmap: "ConfigMap",
};

/** Reads `kubernetes://NAME`, `kubernetes-gateway://NS/NAME` or `configmap://NS/NAME`; undefined for other names. */
export function parseSecretName(text: string, ownNamespace: string): SecretReference | undefined {
  const [, scheme = "", path = ""] = /^([a-z-]+):\/\/(.+)$/.exec(text) ?? [];
  const kind = schemes[scheme];
  if (kind === undefined) return undefined;
  const slash = path.indexOf("/");
  const name = path.slice(slash + 1);
  return {
    kind,
    namespace: slash < 0 ? ownNamespace : path.slice(0, slash),
    name,
    authorities: name.endsWith(authoritySuffix),
  };
}

/** What asks for a secret: a listener or a backend. */
interface Asker {
  readonly what: string;
  readonly origin: readonly ObjectRef[];
}

/** Names of the secrets that a part asks the control plane for, each with the first that does. */
function secretsOfPart({ listeners, backends }: IrPart): ReadonlyMap<string, Asker> {
  const names = new Map<string, Asker>();
  const ask = (one: { readonly kind: string; readonly name?: string } | undefined, asker: Asker) => {
    if (one?.kind === "secret" && one.name !== undefined && !names.has(one.name)) names.set(one.name, asker);
  };
  for (const { name, origin, chains } of listeners)
    for (const { tls } of chains) {
      if (tls?.kind !== "server") continue;
      for (const one of [...tls.certificates, tls.clients?.roots])
        ask(one, { what: `listener ${name}`, origin });
    }
  for (const { name, origin, tls } of backends) {
    if (tls?.kind !== "custom") continue;
    // The rule it is from, which stands behind the service.
    for (const one of [tls.certificate, tls.roots])
      ask(one, { what: `cluster ${name}`, origin: origin.slice(-1) });
  }
  return names;
}

/**
 * Why a proxy does not get a secret; undefined where it does. Whatever a Gateway's server names by namespace must be granted to the
 * Gateways of the proxy's own namespace, or be of it.
 */
function whyRefused(
  { node, snapshot, gateways }: ProxyView,
  name: string,
  { kind, namespace, name: object }: SecretReference,
): string | undefined {
  const own = node.verifiedNamespace;
  if (own === undefined) return "the proxy has not proved who it is";
  if (own === namespace) return undefined;
  const plain = object.endsWith(authoritySuffix) ? object.slice(0, -authoritySuffix.length) : object;
  const named = gateways.some(
    (gateway) => gateway.namespace === own && gateway.spec.servers?.some(({ tls }) => namesOf(tls).has(name)),
  );
  const granted = [object, plain].some((one) => snapshot.credentials.isGranted(own, kind, namespace, one));
  if (named && granted) return undefined;
  return `no ReferenceGrant of ${namespace} lets Gateways of ${own} use it`;
}

/** The names of the secrets that a server asks for. */
function namesOf(tls: ServerTLSSettings | undefined): ReadonlySet<string> {
  const credentials = [tls?.credentialName, ...(tls?.credentialNames ?? []), tls?.caCertCredentialName];
  const names = credentials.flatMap((one) => (one ? [secretName(one)] : []));
  return new Set(names.flatMap((one) => [one, `${one}${authoritySuffix}`]));
}

const inline = (bytes: Uint8Array) => ({ specifier: { case: "inlineBytes" as const, value: bytes } });

/** The secret of a name; a reason where there is none. Authorities may stand in a Secret of their own, or beside the key. */
function toSecret(view: ProxyView, name: string, reference: SecretReference): Secret | string {
  const { kind, namespace, authorities } = reference;
  const { credentials } = view.snapshot;
  const plain = authorities ? reference.name.slice(0, -authoritySuffix.length) : reference.name;
  const credential =
    credentials.get(kind, namespace, reference.name) ??
    (authorities ? credentials.get(kind, namespace, plain) : undefined);
  if (credential === undefined) return `there is no ${kind} ${namespace}/${plain}`;
  if (authorities) {
    const found = credential.authorities;
    if ("problem" in found) return `${kind} ${namespace}/${plain}: ${found.problem}`;
    const value = { trustedCa: inline(found.roots), ...(found.crl ? { crl: inline(found.crl) } : {}) };
    return create(SecretSchema, { name, type: { case: "validationContext", value } });
  }
  const found = credential.keyPair;
  if ("problem" in found) return `${kind} ${namespace}/${plain}: ${found.problem}`;
  const value = {
    certificateChain: inline(found.chain),
    privateKey: inline(found.key),
    ...(found.ocspStaple ? { ocspStaple: inline(found.ocspStaple) } : {}),
  };
  return create(SecretSchema, { name, type: { case: "tlsCertificate", value } });
}

/**
 * The secrets that a proxy's listeners and backends name. They go only to a proxy that has proved to be of the namespace
 * they are of, or of one that was granted them: a Gateway of anywhere may name any Secret, and any client may call
 * itself anything. What lacks its secret stays; handshakes with it fail.
 */
export function buildSecrets(
  view: ProxyView,
  parts: readonly IrPart[],
  memo: IdentityMemo,
): WithProblems<ResourceList> {
  const problems = new ProblemList();
  const resources: EncodedResource[] = [];
  const asked = parts.map((part) => memo.get([part], "secrets", () => secretsOfPart(part)));
  for (const [name, asker] of new Map(asked.flatMap((names) => [...names]))) {
    const [object] = asker.origin;
    const warn = (reason: string) =>
      object &&
      problems.for(object).warn("no-secret", "", `${asker.what} lacks ${name}: ${reason}; handshakes fail`);
    const reference = parseSecretName(name, view.node.namespace);
    if (reference === undefined) {
      warn("it stands for no certificate");
    } else {
      const secret = whyRefused(view, name, reference) ?? toSecret(view, name, reference);
      if (typeof secret === "string") warn(secret);
      else {
        const origin = {
          apiVersion: "v1",
          kind: reference.kind,
          name: reference.name,
          namespace: reference.namespace,
        };
        resources.push(encodeResource(name, typeUrls.secret, toBinary(SecretSchema, secret), [origin]));
      }
    }
  }
  return { value: toResourceList(resources), problems: problems.all() };
}
