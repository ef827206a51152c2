import { generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cluster, type Layout } from "./layout.ts";

/** Files that {@link writeCredentials} made. */
export interface Credentials {
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  /** Of the API server: the administrator's token, in the group system:masters. */
  readonly tokens: string;
  /** The certificate that the API server makes for itself, with its CA, once it runs. */
  readonly apiServerCertificate: string;
}

/** Makes the key that signs tokens of service accounts, and the administrator's token and kubeconfig. */
export function writeCredentials(at: Layout): Credentials {
  mkdirSync(at.credentials, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(at.credentials, name);
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeFileSync(file("service-account.key"), privateKey, { mode: 0o600 });
  writeFileSync(file("service-account.pub"), publicKey);
  const token = randomBytes(32).toString("hex");
  writeFileSync(file("tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  writeFileSync(at.kubeconfig, kubeconfig(file("apiserver.crt"), token));
  chmodSync(at.kubeconfig, 0o600);
  return {
    serviceAccountKey: file("service-account.key"),
    serviceAccountPublicKey: file("service-account.pub"),
    tokens: file("tokens.csv"),
    apiServerCertificate: file("apiserver.crt"),
  };
}

function kubeconfig(certificate: string, token: string): string {
  return `${JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "weft", cluster: { server: cluster.apiServer, "certificate-authority": certificate } },
      ],
      users: [{ name: "admin", user: { token } }],
      contexts: [{ name: "weft", context: { cluster: "weft", user: "admin" } }],
      "current-context": "weft",
    },
    undefined,
    2,
  )}\n`;
}
