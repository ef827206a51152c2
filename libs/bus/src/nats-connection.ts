import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "@nats-io/transport-node";

/** Which NATS servers to connect to, and how to be known there. Files are read anew for each connection. */
export interface NatsConnectionConfig {
  /** `nats://host:4222`, or `tls://host:4222` for TLS alone; several with commas between. */
  readonly url: string;
  /** File of the authorities that sign the servers' certificates, PEM; the machine's unless told. */
  readonly caFile?: string;
  /** Files of one's own certificate and its key, PEM, for servers that verify clients. */
  readonly certificate?: { readonly certFile: string; readonly keyFile: string };
  readonly credentials?: NatsCredentials;
}

/** How to be known to a NATS server. https://docs.nats.io/using-nats/developer/connecting/security */
export type NatsCredentials =
  /** A `.creds` file: a JWT and the seed of its NKey. */
  | { readonly kind: "creds"; readonly file: string }
  /** File of an NKey's seed. */
  | { readonly kind: "nkey"; readonly file: string }
  | { readonly kind: "password"; readonly user: string; readonly passwordFile: string }
  | { readonly kind: "password"; readonly user: string; readonly password: string };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the environment says: NATS_URL (a flag counts more), NATS_CA_FILE, NATS_CERT_FILE with NATS_KEY_FILE, and one of NATS_CREDS,
 * NATS_NKEY, or NATS_USER with NATS_PASSWORD or NATS_PASSWORD_FILE. Undefined where there is no URL. Throws where values do not go together.
 */
export function readNatsConnection(
  flag: string | undefined,
  env: Environment,
): NatsConnectionConfig | undefined {
  const url = flag ?? env.NATS_URL;
  if (!url) return undefined;
  const { NATS_CA_FILE: caFile, NATS_CERT_FILE: certFile, NATS_KEY_FILE: keyFile } = env;
  if (!certFile !== !keyFile) throw new Error("NATS_CERT_FILE and NATS_KEY_FILE go together");
  const credentials = readCredentials(env);
  for (const server of url.split(",")) checkServer(server, { credentials, tls: Boolean(caFile || certFile) });
  return {
    url,
    ...(caFile ? { caFile } : {}),
    ...(certFile && keyFile ? { certificate: { certFile, keyFile } } : {}),
    ...(credentials ? { credentials } : {}),
  };
}

function readCredentials(env: Environment): NatsCredentials | undefined {
  const { NATS_CREDS: creds, NATS_NKEY: nkey, NATS_USER: user } = env;
  const { NATS_PASSWORD: password, NATS_PASSWORD_FILE: passwordFile } = env;
  if ([creds, nkey, user].filter(Boolean).length > 1) {
    throw new Error("NATS_CREDS, NATS_NKEY and NATS_USER: one at a time");
  }
  if (!user !== !(password || passwordFile) || (password && passwordFile)) {
    throw new Error("NATS_USER goes with one of NATS_PASSWORD and NATS_PASSWORD_FILE");
  }
  if (creds) return { kind: "creds", file: creds };
  if (nkey) return { kind: "nkey", file: nkey };
  if (user && passwordFile) return { kind: "password", user, passwordFile };
  if (user && password) return { kind: "password", user, password };
  return undefined;
}

function checkServer(
  server: string,
  { credentials, tls }: { readonly credentials: NatsCredentials | undefined; readonly tls: boolean },
): void {
  const url = URL.parse(server);
  if (url === null || url.hostname === "" || !["nats:", "tls:"].includes(url.protocol)) {
    throw new Error(`NATS_URL: ${redactUrl(server)} is no URL such as nats://host:4222 or tls://host:4222`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error("NATS_URL: credentials in it end up in logs, use NATS_USER and NATS_PASSWORD_FILE");
  }
  // A password is shown to the server as it is; keys only sign.
  if (credentials?.kind === "password" && url.protocol === "nats:" && !tls && !isLoopback(url.hostname)) {
    throw new Error(`NATS_USER: ${server} would get the password in plain text, use tls://`);
  }
}

function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

/** A URL without what may be secret in it. */
export function redactUrl(url: string): string {
  return url.replace(/\/\/[^/@]*@/g, "//***@");
}

/** The client's options: TLS, which is not done without where it is asked for, and who one is. */
export async function toConnectionOptions(config: NatsConnectionConfig): Promise<ConnectionOptions> {
  const { url, caFile, certificate, credentials } = config;
  const servers = url.split(",");
  const tls =
    caFile !== undefined || certificate !== undefined || servers.some((one) => one.startsWith("tls:"));
  return {
    servers: servers.map((one) => one.replace(/^[a-z]+:\/\//, "")),
    ...(tls ? { tls: { ...(caFile === undefined ? {} : { caFile }), ...certificate } } : {}),
    ...(credentials === undefined ? {} : { authenticator: await authenticatorOf(credentials) }),
  };
}

async function authenticatorOf(
  credentials: NatsCredentials,
): Promise<NonNullable<Exclude<ConnectionOptions["authenticator"], readonly unknown[]>>> {
  const nats = await import("@nats-io/transport-node");
  switch (credentials.kind) {
    case "creds":
      return nats.credsAuthenticator(() => readFileSync(credentials.file));
    case "nkey":
      return nats.nkeyAuthenticator(() => new TextEncoder().encode(readText(credentials.file)));
    case "password": {
      const password = "password" in credentials ? credentials.password : undefined;
      const file = "passwordFile" in credentials ? credentials.passwordFile : "";
      return nats.usernamePasswordAuthenticator(credentials.user, () => password ?? readText(file));
    }
  }
}

function readText(file: string): string {
  return readFileSync(file, "utf8").trim();
}
