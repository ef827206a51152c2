import { createPrivateKey, X509Certificate } from "node:crypto";
import type { MeshObject } from "@weft/mesh-model";

/** What a Secret or ConfigMap is good for. A text says what is wrong with it. */
export interface Credentials {
  /** A certificate with its key. */
  keyPair(namespace: string, name: string): CredentialState;
  /** Certificates of authorities. */
  authorities(kind: "Secret" | "ConfigMap", namespace: string, name: string): CredentialState;
}

/** Whether a credential can be used; `unknown` where nobody reads such objects here. */
export type CredentialState = "usable" | "unknown" | "absent" | { readonly problem: string };

type Data = Readonly<Record<string, string>>;

/** Reads Secrets and ConfigMaps. Without any, all references to them are taken on trust. */
export function readCredentials(
  secrets: readonly MeshObject[],
  configMaps: readonly MeshObject[],
): Credentials {
  const byKind = { Secret: index(secrets), ConfigMap: index(configMaps) };
  const find = (kind: keyof typeof byKind, key: string): Data | "unknown" | "absent" => {
    if (byKind[kind].size === 0) return "unknown";
    const object = byKind[kind].get(key);
    return object ? dataOf(object) : "absent";
  };
  return {
    keyPair: (namespace, name) => {
      const data = find("Secret", `${namespace}/${name}`);
      return typeof data === "string" ? data : checkKeyPair(data);
    },
    authorities: (kind, namespace, name) => {
      const data = find(kind, `${namespace}/${name}`);
      return typeof data === "string" ? data : checkAuthorities(data);
    },
  };
}

function index(objects: readonly MeshObject[]): ReadonlyMap<string, MeshObject> {
  return new Map(objects.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object]));
}

/** Of `data`, base64 in Secrets, and `stringData`; what is no text is left out: nobody has validated these kinds. */
function dataOf({ kind, body }: MeshObject): Data {
  const texts = (value: unknown, decode: (text: string) => string): Data =>
    Object.fromEntries(
      Object.entries(value !== null && typeof value === "object" ? value : {}).flatMap(([key, text]) =>
        typeof text === "string" ? [[key, decode(text)]] : [],
      ),
    );
  const decode = (text: string) => (kind === "Secret" ? Buffer.from(text, "base64").toString() : text);
  return { ...texts(body.data, decode), ...texts(body.stringData, (text) => text) };
}

/** Keys of a pair: Kubernetes' own and Istio's. */
const pairKeys = [
  ["tls.crt", "tls.key"],
  ["cert", "key"],
] as const;

function checkKeyPair(data: Data): CredentialState {
  const keys = pairKeys.find(([certificate, key]) => data[certificate] && data[key]);
  if (keys === undefined)
    return { problem: `it has none of the keys tls.crt and tls.key; it has ${list(data)}` };
  try {
    const certificate = new X509Certificate(data[keys[0]] ?? "");
    // The exception tells what is wrong with the key; a pair that does not fit has no words of its own.
    return certificate.checkPrivateKey(createPrivateKey(data[keys[1]] ?? ""))
      ? "usable"
      : { problem: "the key is not that of the certificate" };
  } catch {
    return { problem: "the certificate or its key is malformed: both must be PEM" };
  }
}

function checkAuthorities(data: Data): CredentialState {
  const key = ["cacert", "ca.crt"].find((name) => data[name]);
  if (key === undefined) return { problem: `it has neither cacert nor ca.crt; it has ${list(data)}` };
  try {
    new X509Certificate(data[key] ?? "");
    return "usable";
  } catch {
    return { problem: `the certificate in ${key} is malformed: it must be PEM` };
  }
}

function list(data: Data): string {
  return Object.keys(data).sort().join(", ") || "none";
}
