import { join } from "node:path";
import { type Clock, systemClock } from "@weft/base";
import { createBus } from "@weft/bus";
import {
  type CertificateAuthority,
  createCitadel,
  createSecretStorage,
  keepRootFile,
  openAuditFile,
  openFolderStorage,
  openTokenAuthority,
  publishRootBundle,
  type RootBundlePublisher,
  reviewTokens,
  rootFileName,
} from "@weft/ca";
import {
  type Authenticator,
  createClientCertificateAuthenticator,
  createOidcAuthenticator,
  createTokenReviewAuthenticator,
} from "@weft/identity";
import { checkCredentials, connectKubernetes, type KubeApi } from "@weft/kubernetes";
import { createShutdown, type Logger, shutdownOnSignals } from "@weft/observability";
import type { CitadelFlags } from "./flags.ts";
import { openAuthority } from "./open-authority.ts";
import { type KubernetesOptions, readCitadelOptions } from "./options.ts";

/** `citadel serve`: serves until SIGTERM or SIGINT. */
export async function runCitadel(flags: CitadelFlags): Promise<void> {
  const options = readCitadelOptions(flags, process.env);
  const { logger, nats, instance, trustDomain, audiences, oidc } = options;
  const clock = systemClock;
  const cluster = options.kubernetes && (await openCluster(options.kubernetes));
  // The folder holds the audit log in any case.
  const folder = await openFolderStorage(options.stateFolder);
  const storage = cluster?.storage ?? folder;
  const authority = await openAuthority(options, storage);
  // For agents of this machine; those of a cluster have a ConfigMap.
  const dropRootFile = keepRootFile(join(options.stateFolder, rootFileName), authority);
  const tokens = await openTokenAuthority({ storage, trustDomain, clock });
  // A renewal by certificate needs no token, so it is asked for first; the local authority knows its own tokens by their issuer.
  const authenticators: Authenticator[] = [
    createClientCertificateAuthenticator(authority.clients, clock),
    await tokens.authenticator(audiences),
  ];
  if (cluster !== undefined) {
    const review = reviewTokens(cluster.api);
    authenticators.push(createTokenReviewAuthenticator({ review, audiences, trustDomain, clock }));
  }
  if (oidc !== undefined) {
    const { issuer, jwksUrl: url } = oidc;
    authenticators.push(
      await createOidcAuthenticator({ issuer, audiences, trustDomain, clock, keys: { kind: "url", url } }),
    );
  }
  const bus = await createBus({ name: instance, logger, ...(nats === undefined ? {} : { nats }) });
  const audit = await openAuditFile({ file: options.auditFile });
  const citadel = await createCitadel({
    authority,
    authenticators,
    accountNames: options.accountNames,
    impersonation: { accounts: options.trustedNodeAccounts },
    ttl: options.ttl,
    audit,
    bus,
    logger,
    grpc: options.grpc,
    admin: options.admin,
    ...(options.adminAccounts === undefined ? {} : { adminAccounts: options.adminAccounts }),
    monitoring: options.monitoring,
    serving: { dns: options.dnsNames, ips: ["127.0.0.1", "::1"] },
    clock,
  });
  const publisher = cluster && publishRoots(cluster.api, authority, { logger, clock });
  const shutdown = createShutdown({ logger, clock, timeoutMs: options.shutdownMs });
  shutdown.add("citadel", () => citadel.close());
  if (publisher) shutdown.add("root bundle", () => publisher.close());
  shutdown.add("root file", dropRootFile);
  shutdown.add("audit log", () => audit.close());
  shutdown.add("bus", () => bus.close());
  shutdownOnSignals(shutdown);
  logger.info({ ...citadel.addresses, state: storage.description, instance }, "listening");
}

/** The cluster: its API, and a Secret of it as storage. Throws where its kubeconfig cannot be used. */
async function openCluster({ kubeconfig, namespace }: KubernetesOptions) {
  const api = await connectKubernetes(kubeconfig === undefined ? {} : { kubeconfig });
  await checkCredentials(api);
  return { api, storage: createSecretStorage({ api, namespace }) };
}

/** Keeps the roots in every namespace of the cluster, and tells it when they change. */
function publishRoots(
  api: KubeApi,
  authority: CertificateAuthority,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): RootBundlePublisher {
  const roots = () => authority.rootsPem();
  const publisher = publishRootBundle({ api, roots, logger, clock });
  const off = authority.onChange(() => void publisher.update());
  return {
    ...publisher,
    close: async () => {
      off();
      await publisher.close();
    },
  };
}
