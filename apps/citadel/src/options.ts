import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { parseDuration } from "@weft/base";
import { type NatsConnectionConfig, readNatsConnection } from "@weft/bus";
import type { AccountNames, ListenAddress, TtlPolicy } from "@weft/ca";
import { caAudience } from "@weft/identity";
import { createLogger, type Logger, parseLogLevel } from "@weft/observability";
import { type CitadelFlags, flagsWithoutEffect } from "./flags.ts";

/** Where the operator's own CA is: four PEM files. */
export interface CacertsFiles {
  readonly caCert: string;
  readonly caKey: string;
  readonly rootCert: string;
  readonly certChain: string;
}

/** The cluster whose workloads ask for certificates. */
export interface KubernetesOptions {
  /** Undefined for the pod's own service account. */
  readonly kubeconfig: string | undefined;
  /** Where the CA's state is, in a Secret. */
  readonly namespace: string;
}

/** What the flags and the environment say. */
export interface CitadelOptions {
  readonly stateFolder: string;
  /** Undefined where there is none: then the state is in a folder. */
  readonly kubernetes: KubernetesOptions | undefined;
  /** Undefined where the CA makes its own root. */
  readonly cacerts: CacertsFiles | undefined;
  readonly rootTtlMs: number;
  readonly trustDomain: string;
  readonly ttl: TtlPolicy;
  readonly grpc: readonly ListenAddress[];
  readonly admin: ListenAddress;
  /** Accounts that may administer from elsewhere, with TLS; undefined: this machine only, in plain text. */
  readonly adminAccounts: readonly string[] | undefined;
  readonly monitoring: ListenAddress;
  readonly dnsNames: readonly string[];
  /** DNS names in the certificates of the control plane's accounts, `NAMESPACE/ACCOUNT`. */
  readonly accountNames: AccountNames;
  readonly audiences: readonly string[];
  readonly oidc: { readonly issuer: string; readonly jwksUrl: string } | undefined;
  readonly trustedNodeAccounts: readonly string[];
  readonly auditFile: string;
  readonly shutdownMs: number;
  readonly nats: NatsConnectionConfig | undefined;
  readonly instance: string;
  readonly logger: Logger;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Names under which workloads of a Kubernetes mesh reach a CA, and this machine's own. */
const servingNames = [
  "localhost",
  ...["istio-citadel", "istiod"].flatMap((name) => [
    `${name}.istio-system`,
    `${name}.istio-system.svc`,
    `${name}.istio-system.svc.cluster.local`,
  ]),
];

/** Folder of a CA's state unless another is named: `$XDG_STATE_HOME/weft/citadel`. It outlives a restart of the machine. */
export function defaultStateFolder(env: Env): string {
  return join(env.XDG_STATE_HOME || join(homedir(), ".local/state"), "weft/citadel");
}

/** Reads flags and environment. Throws where one is wrong, naming it; notes on flags without effect are logged. */
export function readCitadelOptions(flags: CitadelFlags, env: Env): CitadelOptions {
  const level = parseLogLevel(flags.log_output_level, "citadel");
  if ("problem" in level) throw new Error(`--log_output_level: ${level.problem}`);
  const logger = createLogger({ component: "citadel", ...level });
  for (const [flag, reason] of flagsWithoutEffect) {
    if (flags[camelName(flag)] !== undefined) logger.warn(`${flag.split(" ")[0]} has no effect: ${reason}`);
  }
  const stateFolder = flags.stateDir ?? defaultStateFolder(env);
  const host = flags.bindAddress;
  const grpcPorts = [
    port("--secure-grpc-port", flags.secureGrpcPort),
    port("--grpc-port", flags.grpcPort),
  ].filter((one) => one !== undefined);
  return {
    stateFolder,
    kubernetes: readKubernetes(flags, env),
    cacerts: readCacerts(flags),
    rootTtlMs: duration("--self-signed-ca-cert-ttl", flags.selfSignedCaCertTtl),
    trustDomain: flags.trustDomain,
    ttl: {
      defaultMs: duration("--workload-cert-ttl", flags.workloadCertTtl),
      maxMs: duration("--max-workload-cert-ttl", flags.maxWorkloadCertTtl),
    },
    grpc: grpcPorts.map((one) => ({ host, port: one })),
    admin: {
      host: flags.adminAccounts.length === 0 ? "127.0.0.1" : host,
      port: port("--admin-port", flags.adminPort) ?? 0,
    },
    adminAccounts:
      flags.adminAccounts.length === 0
        ? undefined
        : flags.adminAccounts.map((text) => account("--admin-accounts", text)),
    monitoring: { host, port: port("--monitoring-port", flags.monitoringPort) ?? 0 },
    dnsNames: [...new Set([...servingNames, ...flags.customDnsNames.filter((one) => !one.includes(":"))])],
    accountNames: readAccountNames(flags),
    audiences: flags.tokenAudience.length === 0 ? [caAudience] : flags.tokenAudience,
    oidc: readOidc(flags),
    trustedNodeAccounts: flags.trustedNodeAccounts.map((text) => account("--trusted-node-accounts", text)),
    auditFile: flags.auditLog ?? join(stateFolder, "audit.log"),
    shutdownMs: duration("--shutdownDuration", flags.shutdownDuration),
    nats: readNatsConnection(flags.natsUrl, env),
    instance: env.POD_NAME || hostname(),
    logger,
  };
}

/** A cluster is asked where a kubeconfig is given, and in a pod, unless a folder is named for the state. */
function readKubernetes(flags: CitadelFlags, env: Env): KubernetesOptions | undefined {
  const { kubeConfig, stateDir, citadelStorageNamespace: namespace } = flags;
  const inPod = env.KUBERNETES_SERVICE_HOST !== undefined && stateDir === undefined;
  return kubeConfig !== undefined || inPod ? { kubeconfig: kubeConfig, namespace } : undefined;
}

/** Accounts of the control plane's servers, Istio's and Weft's, and the services by which clients find them. */
const controlPlaneServices: Readonly<Record<string, readonly string[]>> = {
  istiod: ["istiod", "istio-pilot", "pilot-discovery"],
  "istio-pilot-service-account": ["istiod", "istio-pilot"],
  "pilot-discovery": ["istiod", "istio-pilot", "pilot-discovery"],
  "istio-galley-service-account": ["istio-galley"],
  galley: ["istio-galley", "galley"],
  "istio-sidecar-injector-service-account": ["istio-sidecar-injector"],
  "sidecar-injector": ["istio-sidecar-injector", "sidecar-injector"],
  "istio-mixer-service-account": ["istio-policy", "istio-telemetry"],
  mixer: ["istio-policy", "istio-telemetry", "mixer"],
};

/**
 * Istio 1.4's `--append-dns-names`: the control plane's servers have the names of their services in their certificates; and its
 * `--custom-dns-names=ACCOUNT.NAMESPACE:NAME`, for one account more. A name without an account is one of the CA's own.
 */
function readAccountNames(flags: CitadelFlags): AccountNames {
  const namespace = flags.citadelStorageNamespace;
  const names = new Map<string, readonly string[]>();
  if (flags.appendDnsNames !== "false") {
    for (const [account, services] of Object.entries(controlPlaneServices)) {
      const forms = ["", ".svc", ".svc.cluster.local"];
      const all = services.flatMap((service) => forms.map((form) => `${service}.${namespace}${form}`));
      names.set(`${namespace}/${account}`, all);
    }
  }
  for (const text of flags.customDnsNames.filter((one) => one.includes(":"))) {
    const [, account, of, name] = /^([^:]+)\.([^.:]+):([^:]+)$/.exec(text) ?? [];
    if (name === undefined) {
      throw new Error(
        `--custom-dns-names: ${JSON.stringify(text)} is neither a name nor of the form ACCOUNT.NAMESPACE:NAME`,
      );
    }
    const key = `${of}/${account}`;
    names.set(key, [...(names.get(key) ?? []), name]);
  }
  return names;
}

function readCacerts(flags: CitadelFlags): CacertsFiles | undefined {
  const { signingCert, signingKey, rootCert, certChain, cacertsDir, selfSignedCa } = flags;
  const named = [signingCert, signingKey, rootCert, certChain].some((file) => file !== undefined);
  if (selfSignedCa === true && (named || cacertsDir !== undefined)) {
    throw new Error("--self-signed-ca: not together with --cacerts-dir or --signing-cert");
  }
  if (!named && cacertsDir === undefined) return undefined;
  const file = (flag: string, given: string | undefined, name: string): string => {
    if (given !== undefined) return given;
    if (cacertsDir !== undefined) return join(cacertsDir, name);
    throw new Error(
      `${flag} is missing: --signing-cert, --signing-key, --root-cert and --cert-chain go together`,
    );
  };
  return {
    caCert: file("--signing-cert", signingCert, "ca-cert.pem"),
    caKey: file("--signing-key", signingKey, "ca-key.pem"),
    rootCert: file("--root-cert", rootCert, "root-cert.pem"),
    certChain: file("--cert-chain", certChain, "cert-chain.pem"),
  };
}

function readOidc({ oidcIssuer, oidcJwks }: CitadelFlags): CitadelOptions["oidc"] {
  if (oidcIssuer === undefined && oidcJwks === undefined) return undefined;
  if (oidcIssuer === undefined || oidcJwks === undefined) {
    throw new Error("--oidc-issuer and --oidc-jwks go together");
  }
  return { issuer: oidcIssuer, jwksUrl: oidcJwks };
}

function account(flag: string, text: string): string {
  if (/^[^/\s]+\/[^/\s]+$/.test(text)) return text;
  throw new Error(`${flag}: ${JSON.stringify(text)} is not of the form NAMESPACE/SERVICE_ACCOUNT`);
}

function duration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new Error(`${flag}: ${text} is no duration such as 24h`);
  return ms;
}

/** A port; `none` for no listener. */
function port(flag: string, text: string): number | undefined {
  if (text === "none") return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new Error(`${flag}: ${JSON.stringify(text)} is no port, allowed are 0 to 65535`);
}

/** commander's name of a flag: `--kube-config <file>` → `kubeConfig`. */
function camelName(flag: string): string {
  const [name = ""] = flag.slice(2).split(" ");
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
