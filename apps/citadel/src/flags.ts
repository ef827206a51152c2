/** Flags of `citadel serve`, as commander gives them. */
export interface CitadelFlags {
  readonly stateDir?: string;
  readonly kubeConfig?: string;
  readonly citadelStorageNamespace: string;
  readonly selfSignedCa?: boolean;
  readonly selfSignedCaCertTtl: string;
  readonly signingCert?: string;
  readonly signingKey?: string;
  readonly rootCert?: string;
  readonly certChain?: string;
  readonly cacertsDir?: string;
  readonly trustDomain: string;
  readonly workloadCertTtl: string;
  readonly maxWorkloadCertTtl: string;
  readonly bindAddress: string;
  readonly grpcPort: string;
  readonly secureGrpcPort: string;
  readonly adminPort: string;
  readonly adminAccounts: readonly string[];
  readonly monitoringPort: string;
  readonly customDnsNames: readonly string[];
  /** `true` or `false`. */
  readonly appendDnsNames: string;
  readonly tokenAudience: readonly string[];
  readonly oidcIssuer?: string;
  readonly oidcJwks?: string;
  readonly trustedNodeAccounts: readonly string[];
  readonly auditLog?: string;
  readonly shutdownDuration: string;
  readonly log_output_level: string;
  readonly natsUrl?: string;
  /** The flags of Istio that are taken and do nothing. */
  readonly [other: string]: unknown;
}

/** Flags of Istio 1.4's citadel that are taken and have no effect, each with the reason. */
export const flagsWithoutEffect: readonly (readonly [flag: string, reason: string])[] = [
  ["--sds-enabled", "certificates are always handed out by SDS"],
  ["--server-only", "there are no istio.<account> secrets to write"],
  ["--workload-cert-grace-period-ratio <ratio>", "agents decide when to renew"],
  ["--upstream-ca-address <address>", "the CA signs itself"],
  ["--liveness-probe-path <file>", "ask /ready on --monitoring-port"],
  ["--liveness-probe-interval <interval>", "ask /ready on --monitoring-port"],
  ["--probe-check-interval <interval>", "ask /ready on --monitoring-port"],
  ["--enable-profiling", "use node --inspect"],
  ["--listened-namespaces <list>", "all namespaces get the root bundle"],
  ["--read-signing-cert-only", "use --signing-cert"],
  ["--explicit-opt-in", "there are no istio.<account> secrets to write"],
];
