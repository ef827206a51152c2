import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { callAt, systemClock } from "@weft/base";
import type { Bus } from "@weft/bus";
import type { TokenAuthority } from "@weft/ca";
import type { SecureChannelConfig } from "@weft/discovery";
import type { CertificateSource } from "./agent-process.ts";

/** Settings of {@link startLocalCitadel}. */
export interface LocalCitadelOptions {
  /** Loopback address of the control plane. */
  readonly address: string;
  readonly ports: { readonly grpc: number; readonly monitoring: number };
  /** Folder for its keys, which end with it; made with mode 0700. */
  readonly folder: string;
  /** A line for each certificate that was issued or refused. */
  readonly auditFile: string;
  readonly logFile: string;
  /** Life of workloads' certificates, milliseconds. */
  readonly certificateTtlMs: number;
}

/** A pod that gets a token. */
export interface TokenHolder {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** citadel in this process. */
export interface LocalCitadel extends CertificateSource {
  /** `host:port` of its administration, by Connect. */
  readonly admin: string;
  /** Where it says that the roots have changed. */
  readonly bus: Bus;
  /** How pilot-discovery gets its certificate, and finds out whose a token is; gives it a token, too. */
  pilotChannel(): Promise<SecureChannelConfig>;
  /** Gives each pod a token, good for certificates of its service account alone, and another before that one ends. */
  giveTokens(pods: readonly TokenHolder[]): Promise<void>;
  /** Stops it and removes its keys; idempotent. */
  close(): Promise<void>;
}

/** Account of pilot-discovery, as in a cluster. */
const pilot: TokenHolder = {
  name: "pilot-discovery",
  namespace: "istio-system",
  serviceAccount: "istiod",
};
/** Name in the certificate of pilot-discovery. */
export const pilotServerName = "istiod.istio-system.svc";
/** Trust domain of a local mesh; Istio's default. */
export const trustDomain = "cluster.local";
const serverName = "istio-citadel.istio-system.svc";
/** The root lives for as long as a mesh of one machine may. */
const rootTtlMs = 365 * 86_400_000;
/** As long as tokens of the local authority are good; they are written anew at half of it. */
const tokenTtlMs = 43_200_000;

/** Starts citadel with a root of its own, that no other run of a mesh knows. */
export async function startLocalCitadel(options: LocalCitadelOptions): Promise<LocalCitadel> {
  const { address: host, ports, folder, certificateTtlMs } = options;
  // Imported only here: weftctl reads this lib's state file in each of its commands, and few of those run a CA.
  const [{ createInProcessBus }, ca, { caAudience }, { createLogger }] = await Promise.all([
    import("@weft/bus"),
    import("@weft/ca"),
    import("@weft/identity"),
    import("@weft/observability"),
  ]);
  const clock = systemClock;
  const logFile = openSync(options.logFile, "a");
  const logger = createLogger({
    component: "citadel",
    pretty: false,
    destination: { write: (line) => writeSync(logFile, line) },
  });
  const bus = createInProcessBus(logger);
  const storage = await ca.openFolderStorage(folder);
  const store = await ca.openRootStore({ storage, trustDomain, ttlMs: rootTtlMs, clock });
  const authority = ca.createCertificateAuthority({
    trustDomain,
    source: { kind: "self-signed", store },
    clock,
  });
  const tokens = await ca.openTokenAuthority({ storage, trustDomain, clock });
  const audit = await ca.openAuditFile({ file: options.auditFile });
  const citadel = await ca.createCitadel({
    authority,
    authenticators: [await tokens.authenticator([caAudience])],
    accountNames: new Map([[`${pilot.namespace}/${pilot.serviceAccount}`, [pilotServerName]]]),
    ttl: { defaultMs: certificateTtlMs, maxMs: certificateTtlMs },
    audit,
    bus,
    logger,
    grpc: [{ host, port: ports.grpc }],
    admin: { host: "127.0.0.1", port: 0 },
    monitoring: { host, port: ports.monitoring },
    serving: { dns: [serverName], ips: [host] },
    clock,
  });
  const rootFile = join(folder, ca.rootFileName);
  const dropRootFile = ca.keepRootFile(rootFile, authority);
  const keeper = createTokenKeeper(tokens, join(folder, "tokens"));
  let closed: Promise<void> | undefined;
  const address = `${host}:${ports.grpc}`;
  return {
    grpc: address,
    serverName,
    admin: citadel.addresses.admin,
    bus,
    pilotChannel: async () => {
      await keeper.give(pilot);
      return {
        secrets: {
          kind: "ca",
          ca: { address, rootFile, tokenFile: keeper.file(pilot), serverName },
          identity: { trustDomain, ...pilot },
          keyKind: { kind: "ecdsa", curve: "P-256" },
          ttlMs: certificateTtlMs,
          graceRatio: 0.5,
          graceJitter: 0.01,
        },
        authenticators: [await tokens.authenticator([caAudience])],
      };
    },
    rootFile,
    certificateTtlMs,
    tokenFile: keeper.file,
    giveTokens: async (pods) => {
      await Promise.all(pods.map(keeper.give));
    },
    close: () => {
      closed ??= (async () => {
        keeper.close();
        dropRootFile();
        await citadel.close();
        await audit.close();
        await bus.close();
        closeSync(logFile);
        rmSync(folder, { recursive: true, force: true });
      })();
      return closed;
    },
  };
}

/** Replaces a file, of mode 0600, as a whole: whoever reads it sees the old or the new. */
function replaceFile(file: string, text: string): void {
  const draft = `${file}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

/** Keeps a token for each pod in a file of `folder`. */
function createTokenKeeper(tokens: TokenAuthority, folder: string) {
  const cancels = new Map<string, () => void>();
  let closed = false;
  mkdirSync(folder, { mode: 0o700 });
  const file: CertificateSource["tokenFile"] = ({ name, namespace }) => join(folder, `${name}.${namespace}`);
  const give = async (pod: TokenHolder): Promise<void> => {
    const { namespace, serviceAccount } = pod;
    const token = await tokens.issue({ namespace, serviceAccount, ttlMs: tokenTtlMs });
    if (closed) return;
    replaceFile(file(pod), token.expose());
    cancels.set(
      file(pod),
      callAt(systemClock, systemClock.now() + tokenTtlMs / 2, () => void give(pod)),
    );
  };
  return {
    file,
    give,
    close: () => {
      closed = true;
      for (const cancel of cancels.values()) cancel();
    },
  };
}
