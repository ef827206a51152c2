import { createPrivateKey, X509Certificate } from "node:crypto";
import type { ReferenceGrantSpec } from "@weft/istio-api";
import type { Collection } from "../collections.ts";
import type { MeshObject } from "../object.ts";

/** Kinds of objects that hold certificates. */
export type CredentialKind = "Secret" | "ConfigMap";

/** What an object holds of certificates, as PEM. Texts say why a part cannot be used. */
export interface Credential {
  /** A certificate with its key. */
  readonly keyPair: KeyPair | { readonly problem: string };
  /** Certificates of authorities. */
  readonly authorities: Authorities | { readonly problem: string };
}

/** A certificate chain, its key, and what an OCSP responder last said of it. */
export interface KeyPair {
  readonly chain: Buffer;
  readonly key: Buffer;
  readonly ocspStaple?: Buffer;
}

/** Certificates of authorities, and a list of what they have revoked. */
export interface Authorities {
  readonly roots: Buffer;
  readonly crl?: Buffer;
}

/** The certificates of a mesh. */
export interface CredentialIndex {
  /** Undefined where there is no such object. Read when first asked for. */
  get(kind: CredentialKind, namespace: string, name: string): Credential | undefined;
  /** Whether a ReferenceGrant lets Gateways of a namespace use an object of another namespace. */
  isGranted(gatewayNamespace: string, kind: CredentialKind, namespace: string, name: string): boolean;
}

/** The collection of the objects that grant the use of certificates across namespaces. */
export const grantKind = "gateway.networking.k8s.io/ReferenceGrant";

/** Istio's own names of the parts, then those of Kubernetes' TLS Secrets. */
const pairParts = [
  { chain: "cert", key: "key", staple: "ocsp-staple" },
  { chain: "tls.crt", key: "tls.key", staple: "tls.ocsp-staple" },
] as const;
const authorityParts = [
  { roots: "cacert", crl: "crl" },
  { roots: "ca.crt", crl: "ca.crl" },
] as const;

const known = new WeakMap<MeshObject, Credential>();

/** Reads what ReferenceGrants say of certificates: https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
function readGrants({ objects }: Collection): CredentialIndex["isGranted"] {
  const granted = new Set<string>();
  for (const { object } of objects.values()) {
    const spec = object.body.spec as ReferenceGrantSpec; // validated before it came here
    const gateways = spec.from.filter(
      ({ group, kind }) => group === "gateway.networking.k8s.io" && kind === "Gateway",
    );
    // A grant without a name is for every object of the kind.
    for (const from of gateways)
      for (const { group, kind, name = "" } of spec.to)
        if (group === "") granted.add(`${from.namespace}|${kind}|${object.metadata.namespace}|${name}`);
  }
  return (gatewayNamespace, kind, namespace, name) =>
    [name, ""].some((one) => granted.has(`${gatewayNamespace}|${kind}|${namespace}|${one}`));
}

/** Gives the certificates of Secrets and ConfigMaps. */
export function indexCredentials(collection: (name: string) => Collection): CredentialIndex {
  const byKind = { Secret: collection("/Secret").objects, ConfigMap: collection("/ConfigMap").objects };
  return {
    isGranted: readGrants(collection(grantKind)),
    get: (kind, namespace, name) => {
      const object = byKind[kind].get(`${namespace}/${name}`)?.object;
      if (object === undefined) return undefined;
      const credential = known.get(object) ?? readCredential(object);
      known.set(object, credential);
      return credential;
    },
  };
}

/** Reads a Secret or ConfigMap. What Envoy would turn away is a problem, which never quotes what the object holds. */
export function readCredential(object: MeshObject): Credential {
  const data = dataOf(object);
  return { keyPair: readKeyPair(data), authorities: readAuthorities(data) };
}

type Data = Readonly<Record<string, Buffer>>;

/** `data`, base64 in Secrets, under `stringData`. What is no text is left out: nobody has validated these kinds. */
function dataOf({ kind, body }: MeshObject): Data {
  const buffers = (value: unknown, encoding: "base64" | "utf8"): Data =>
    Object.fromEntries(
      Object.entries(value !== null && typeof value === "object" ? value : {}).flatMap(([name, text]) =>
        typeof text === "string" && text !== "" ? [[name, Buffer.from(text, encoding)]] : [],
      ),
    );
  return {
    ...buffers(body.data, kind === "Secret" ? "base64" : "utf8"),
    ...buffers(body.stringData, "utf8"),
  };
}

function readKeyPair(data: Data): Credential["keyPair"] {
  for (const { chain: chainName, key: keyName, staple } of pairParts) {
    const [chain, key, ocspStaple] = [data[chainName], data[keyName], data[staple]];
    if (chain === undefined || key === undefined) continue;
    try {
      if (!new X509Certificate(chain).checkPrivateKey(createPrivateKey(key)))
        return { problem: `${keyName} is not the key of ${chainName}` };
    } catch {
      return { problem: `${chainName} and ${keyName} must be PEM` };
    }
    return { chain, key, ...(ocspStaple ? { ocspStaple } : {}) };
  }
  return { problem: `has neither tls.crt with tls.key nor cert with key; it has ${namesOf(data)}` };
}

function readAuthorities(data: Data): Credential["authorities"] {
  for (const { roots: rootsName, crl: crlName } of authorityParts) {
    const [roots, crl] = [data[rootsName], data[crlName]];
    if (roots === undefined) continue;
    try {
      new X509Certificate(roots);
    } catch {
      return { problem: `${rootsName} must be PEM` };
    }
    return { roots, ...(crl ? { crl } : {}) };
  }
  return { problem: `has neither ca.crt nor cacert; it has ${namesOf(data)}` };
}

function namesOf(data: Data): string {
  return Object.keys(data).sort().join(", ") || "nothing";
}
