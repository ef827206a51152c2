import { systemClock } from "@weft/base";
import { createBus } from "@weft/bus";
import {
  type Authenticator,
  createCitadel,
  createClientCertificateAuthenticator,
  createOidcAuthenticator,
  openAuditFile,
  openFolderStorage,
  openTokenAuthority,
} from "@weft/ca";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import type { CitadelFlags } from "./flags.ts";
import { openAuthority } from "./open-authority.ts";
import { readCitadelOptions } from "./options.ts";

/** `citadel serve`: serves until SIGTERM or SIGINT. */
export async function runCitadel(flags: CitadelFlags): Promise<void> {
  const options = readCitadelOptions(flags, process.env);
  const { logger, natsUrl, instance, trustDomain, audiences, oidc } = options;
  const clock = systemClock;
  const storage = await openFolderStorage(options.stateFolder);
  const authority = await openAuthority(options, storage);
  const tokens = await openTokenAuthority({ storage, trustDomain, clock });
  // A renewal by certificate needs no token, so it is asked for first; the local authority knows its own tokens by their issuer.
  const authenticators: Authenticator[] = [
    createClientCertificateAuthenticator(authority, clock),
    await tokens.authenticator(audiences),
  ];
  if (oidc !== undefined) {
    const { issuer, jwksUrl: url } = oidc;
    authenticators.push(
      await createOidcAuthenticator({ issuer, audiences, trustDomain, clock, keys: { kind: "url", url } }),
    );
  }
  const bus = await createBus({ name: instance, logger, ...(natsUrl === undefined ? {} : { natsUrl }) });
  const audit = await openAuditFile({ file: options.auditFile });
  const citadel = await createCitadel({
    authority,
    authenticators,
    impersonation: { accounts: options.trustedNodeAccounts },
    ttl: options.ttl,
    audit,
    bus,
    logger,
    grpc: options.grpc,
    admin: options.admin,
    monitoring: options.monitoring,
    serving: { dns: options.dnsNames, ips: ["127.0.0.1", "::1"] },
    clock,
  });
  const shutdown = createShutdown({ logger, clock, timeoutMs: options.shutdownMs });
  shutdown.add("citadel", () => citadel.close());
  shutdown.add("audit log", () => audit.close());
  shutdown.add("bus", () => bus.close());
  shutdownOnSignals(shutdown);
  logger.info({ ...citadel.addresses, state: storage.description, instance }, "listening");
}
