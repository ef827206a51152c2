#!/usr/bin/env -S node --max-semi-space-size=8
// The young generation would grow to 64 MB and more, and stay so: a quarter of the whole, and nothing is faster for it (docs/performance.md).
import { enableCompileCache } from "node:module";
import { Command } from "commander";
import { type DiscoveryFlags, flagsWithoutEffect } from "./options.ts";

const version = "0.1.0";

// Before anything of size is loaded: the second start takes half the time and less memory, as no types have to be stripped.
enableCompileCache();
const several = (value: string, before: readonly string[]) => [...before, value];
const list = (value: string) => value.split(",").filter((part) => part !== "");

const program = new Command("pilot-discovery")
  .description("services and configuration in, xDS for the proxies out")
  .showHelpAfterError("(add --help for what is allowed)");

const discovery = program
  .command("discovery", { isDefault: true })
  .description("serves xDS")
  .option("--httpAddr <address>", "/ready and /debug", ":8080")
  .option("--grpcAddr <address>", "xDS in plain text", ":15010")
  .option(
    "--secureGRPCAddr <address>",
    "xDS with TLS; served where there is a certificate: CA_ADDR, FILE_MOUNTED_CERTS, --tlsCertFile",
    ":15012",
  )
  .option("--secureGrpcAddr <address>", "the same, as Istio 1.4 spelled it")
  .option("--tlsCertFile <file>", "certificate of xDS with TLS, and what stands between it and its root")
  .option("--tlsKeyFile <file>", "its key")
  .option("--caCertFile <file>", "roots that clients' certificates are verified against")
  .option("--oidc-issuer <issuer>", "take JWTs of this issuer from clients")
  .option("--oidc-jwks <url>", "its keys: https:, file:, or http: to this machine")
  .option("--monitoringAddr <address>", "/metrics", ":15014")
  .option(
    "--configDir <folder>",
    "folder (or file) of YAML, watched; may be given several times",
    several,
    [],
  )
  .option(
    "--registries <list>",
    "where services come from: Kubernetes, Files (default: Kubernetes with --kubeconfig or in a pod, else Files)",
    list,
    [],
  )
  .option(
    "--kubeconfig <file>",
    "cluster to read (default: the pod's service account, $KUBECONFIG, ~/.kube/config)",
  )
  .option("--meshConfig <file>", "mesh configuration", "./etc/istio/config/mesh")
  .option("-n, --namespace <namespace>", "root namespace: configuration for the whole mesh", "istio-system")
  .option("--domain <suffix>", "DNS suffix of services", "cluster.local")
  .option("--clusterID <name>", "name of the cluster", "Kubernetes")
  .option("--shutdownDuration <time>", "longest time that ending may take", "10s")
  .option("--log_output_level <levels>", "info, or default:warn,pilot-discovery:debug", "info")
  .option(
    "--natsUrl <url>",
    "NATS server for events, nats: or tls: (default: NATS_URL, else none; NATS_CA_FILE, NATS_CREDS …)",
  );
for (const [flag, reason] of flagsWithoutEffect) discovery.option(flag, `accepted, has no effect: ${reason}`);
discovery.action(async (flags: DiscoveryFlags) => {
  const { runDiscovery } = await import("./run.ts");
  await runDiscovery(flags, version);
});

program
  .command("version")
  .description("prints the version")
  .action(() => {
    process.stdout.write(`${version}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`pilot-discovery: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
