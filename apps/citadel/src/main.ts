#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { Command } from "commander";
import { type CitadelFlags, flagsWithoutEffect } from "./flags.ts";
import type { TokenFlags } from "./issue-token.ts";

const version = "0.1.0";

// Before anything of size is loaded: the second start takes half the time and less memory, as no types have to be stripped.
enableCompileCache();
const list = (value: string, before: readonly string[]) => [
  ...before,
  ...value.split(",").filter((part) => part !== ""),
];

const program = new Command("citadel")
  .description("the certificate authority: signs the identities of workloads")
  .showHelpAfterError("(add --help for what is allowed)");

const serve = program
  .command("serve", { isDefault: true })
  .description("serves certificates")
  .option(
    "--state-dir <folder>",
    "keys and state (default: $XDG_STATE_HOME/weft/citadel; in a cluster, a Secret)",
  )
  .option("--kube-config <file>", "cluster of the workloads (default: in a pod, its own)")
  .option(
    "--citadel-storage-namespace <namespace>",
    "namespace of the Secret with the CA's state",
    "istio-system",
  )
  .option("--self-signed-ca", "make an own root (the default where no files are given)")
  .option("--self-signed-ca-cert-ttl <time>", "life of a root of its own", "87600h")
  .option("--cacerts-dir <folder>", "ca-cert.pem, ca-key.pem, root-cert.pem and cert-chain.pem")
  .option("--signing-cert <file>", "the certificate to sign with")
  .option("--signing-key <file>", "its key")
  .option("--root-cert <file>", "what workloads trust")
  .option("--cert-chain <file>", "from the signing certificate up to the root")
  .option("--trust-domain <domain>", "trust domain of the identities", "cluster.local")
  .option("--workload-cert-ttl <time>", "life of certificates", "24h")
  .option("--max-workload-cert-ttl <time>", "longest life that may be asked for", "2160h")
  .option("--bind-address <address>", "where to listen; empty is everywhere", "")
  .option("--secure-grpc-port <port>", "certificate service, TLS; none for no listener", "15012")
  .option("--grpc-port <port>", "certificate service, TLS, Istio 1.4's port; none for no listener", "8060")
  .option("--admin-port <port>", "administration by Connect, this machine only", "8061")
  .option("--monitoring-port <port>", "/ready and /metrics", "15014")
  .option(
    "--custom-dns-names <list>",
    "further names: NAME in the CA's own certificate, ACCOUNT.NAMESPACE:NAME in an account's",
    list,
    [],
  )
  .option(
    "--append-dns-names [boolean]",
    "put the names of their services into the control plane's certificates",
    "true",
  )
  .option("--token-audience <list>", "audiences of tokens (default: istio-ca)", list, [])
  .option("--oidc-issuer <issuer>", "take JWTs of this issuer")
  .option("--oidc-jwks <url>", "its keys: https:, file:, or http: to this machine")
  .option(
    "--admin-accounts <list>",
    "NAMESPACE/ACCOUNT that may administer with their certificates, from elsewhere too",
    list,
    [],
  )
  .option("--trusted-node-accounts <list>", "NAMESPACE/ACCOUNT that may ask for others", list, [])
  .option("--audit-log <file>", "what was issued and refused (default: audit.log in the state folder)")
  .option("--shutdownDuration <time>", "longest time that ending may take", "10s")
  .option("--log_output_level <levels>", "info, or default:warn,citadel:debug", "info")
  .option(
    "--natsUrl <url>",
    "NATS server for events, nats: or tls: (default: NATS_URL, else none; NATS_CA_FILE, NATS_CREDS …)",
  );
for (const [flag, reason] of flagsWithoutEffect) serve.option(flag, `accepted, has no effect: ${reason}`);
serve.action(async (flags: CitadelFlags) => {
  const { runCitadel } = await import("./run.ts");
  await runCitadel(flags);
});

program
  .command("token")
  .description("prints a token by which a workload of this machine gets its certificate")
  .requiredOption("--namespace <namespace>", "namespace of the workload")
  .requiredOption("--service-account <name>", "its service account")
  .option("--state-dir <folder>", "as of serve (default: $XDG_STATE_HOME/weft/citadel)")
  .option("--trust-domain <domain>", "as of serve", "cluster.local")
  .option("--audience <audience>", "whom the token is for", "istio-ca")
  .option("--ttl <time>", "how long it is good, 24h at most", "12h")
  .action(async (flags: TokenFlags) => {
    const { issueToken } = await import("./issue-token.ts");
    await issueToken(flags);
  });

program
  .command("jwks")
  .description("prints the key by which others verify tokens of this machine")
  .option("--state-dir <folder>", "as of serve (default: $XDG_STATE_HOME/weft/citadel)")
  .option("--trust-domain <domain>", "as of serve", "cluster.local")
  .action(async (flags: { readonly stateDir?: string; readonly trustDomain: string }) => {
    const { printJwks } = await import("./print-jwks.ts");
    await printJwks(flags);
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
  process.stderr.write(`citadel: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
