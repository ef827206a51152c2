import { create, toBinary } from "@bufbuild/protobuf";
import type { WithProblems } from "@weft/base";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import {
  type Secret,
  SecretSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { CredentialKind, ProxyView } from "@weft/mesh-model";
import { authoritySuffix } from "../gateway/tls.ts";
import type { Listener } from "../ir/index.ts";
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

/** Names of the secrets that listeners ask the control plane for, each with a listener that does. */
function secretsOf(listeners: readonly Listener[]): ReadonlyMap<string, Listener> {
  const names = new Map<string, Listener>();
  for (const listener of listeners)
    for (const { tls } of listener.chains) {
      if (tls?.kind !== "server") continue;
      for (const one of [...tls.certificates, ...(tls.clients ? [tls.clients.roots] : [])])
        if (one.kind === "secret" && !names.has(one.name)) names.set(one.name, listener);
    }
  return names;
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
 * The secrets that a proxy's listeners name. They go only to a proxy that has proved to be of the namespace they are
 * of: a Gateway of anywhere may name any Secret, and any client may call itself anything. A listener whose secret is
 * missing stays; handshakes with it fail.
 */
export function buildSecrets(view: ProxyView, listeners: readonly Listener[]): WithProblems<ResourceList> {
  const problems = new ProblemList();
  const resources: EncodedResource[] = [];
  for (const [name, listener] of secretsOf(listeners)) {
    const [object] = listener.origin;
    const warn = (reason: string) =>
      object &&
      problems
        .for(object)
        .warn("no-secret", "", `listener ${listener.name} lacks ${name}: ${reason}; handshakes fail`);
    const reference = parseSecretName(name, view.node.namespace);
    if (reference === undefined) {
      warn("it stands for no certificate");
    } else if (view.node.verifiedNamespace !== reference.namespace) {
      warn(
        view.node.verifiedNamespace === undefined
          ? "the proxy has not proved who it is"
          : `a proxy of ${view.node.verifiedNamespace} gets no secrets of ${reference.namespace}`,
      );
    } else {
      const secret = toSecret(view, name, reference);
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
