import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { type Clock, systemClock } from "@weft/base";
import type { Bus } from "@weft/bus";
import {
  type Authenticator,
  createClientCertificateAuthenticator,
  UpdatableTlsCredentials,
} from "@weft/identity";
import { RootBundleChangedSchema } from "@weft/mesh-rpc";
import {
  createHealth,
  createHttpEndpoint,
  type Logger,
  metricsContentType,
  readyRoute,
} from "@weft/observability";
import type { TrustBundle } from "@weft/pki";
import type { AuditLog } from "./audit/audit-log.ts";
import { createRecorder } from "./audit/recorder.ts";
import type { CertificateAuthority } from "./authority.ts";
import {
  type AccountNames,
  type CertificateService,
  createCertificateService,
  type ServiceLimits,
  type TtlPolicy,
} from "./certificate-service.ts";
import type { ImpersonationPolicy } from "./impersonation.ts";
import { createCitadelMetrics } from "./metrics.ts";
import { adminRoutes } from "./serve/admin.ts";
import { type AdminServer, createAdminServer } from "./serve/admin-server.ts";
import { createGrpcServer } from "./serve/grpc.ts";
import { createServingCertificate } from "./serve/serving-certificate.ts";

/** `host:port`; port 0 takes a free one, an empty host is all addresses. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Settings of {@link createCitadel}. */
export interface CitadelOptions {
  readonly authority: CertificateAuthority;
  readonly authenticators: readonly Authenticator[];
  readonly impersonation?: ImpersonationPolicy;
  /** DNS names of the control plane's servers, by their accounts. */
  readonly accountNames?: AccountNames;
  readonly ttl: TtlPolicy;
  readonly limits?: ServiceLimits;
  readonly audit: AuditLog;
  readonly bus: Bus;
  readonly logger: Logger;
  /** Where `CreateCertificate` is served, with TLS; Istio's 15012, and 8060 of Istio before 1.5. */
  readonly grpc: readonly ListenAddress[];
  /** Connect: an address of this machine, or with `adminAccounts` any. */
  readonly admin: ListenAddress;
  /** Administration with TLS, for client certificates of these accounts (`NAMESPACE/SERVICE_ACCOUNT`). */
  readonly adminAccounts?: readonly string[];
  /** `/ready` and `/metrics`; Istio's 15014 */
  readonly monitoring: ListenAddress;
  /** Names and addresses in the CA's own certificate. */
  readonly serving: { readonly dns: readonly string[]; readonly ips: readonly string[] };
  readonly clock?: Clock;
}

/** A running citadel. */
export interface Citadel {
  /** Where it listens, as `host:port`. */
  readonly addresses: {
    readonly grpc: readonly string[];
    readonly admin: string;
    readonly monitoring: string;
  };
  readonly service: CertificateService;
  /** Stops being ready, lets calls in flight end, and closes everything that it opened. Idempotent. */
  close(): Promise<void>;
}

/** Limits unless told: enough for a mesh that starts as a whole, little enough that the CA stays answerable. */
export const defaultLimits: ServiceLimits = {
  perPeer: { perSecond: 100, burst: 1_000 },
  overall: { perSecond: 500, burst: 2_000 },
  perIdentity: { perSecond: 100, burst: 1_000 },
};

/** Longest time that calls in flight may take at the end. */
const drainMs = 5_000;

/** Starts citadel in this process. Throws where an address cannot be bound; nothing is left running then. */
export async function createCitadel(options: CitadelOptions): Promise<Citadel> {
  const { authority, authenticators, bus, logger, ttl, audit, clock = systemClock } = options;
  const health = createHealth();
  const setServing = health.condition("listeners");
  const opened: (() => Promise<unknown> | unknown)[] = [];
  const close = async () => {
    // The newest first: what was opened last depends on what was opened before.
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const metrics = await createCitadelMetrics({ authority, clock });
    opened.push(() => metrics.close());
    const recorder = createRecorder({ log: audit, logger, clock });
    const service = createCertificateService({
      authority,
      authenticators,
      impersonation: options.impersonation ?? { accounts: [] },
      ...(options.accountNames === undefined ? {} : { accountNames: options.accountNames }),
      ttl,
      limits: options.limits ?? defaultLimits,
      recorder,
      clock,
      onRequest: metrics.onRequest,
      onIssued: metrics.onIssued,
      onFailure: metrics.onFailure,
    });
    const monitoring = await createHttpEndpoint({
      ...options.monitoring,
      logger,
      routes: [
        readyRoute(health),
        {
          path: "/metrics",
          handle: async () => ({ body: await metrics.text(), contentType: metricsContentType }),
        },
      ],
    });
    opened.push(() => monitoring.close());
    // Also where the signer alone is another one: certificates that it signed are to be had now.
    const off = authority.onChange(() => announce(authority.bundle(), { bus, clock, logger }));
    opened.push(off);

    const credentials: UpdatableTlsCredentials[] = [];
    let admin: AdminServer | undefined;
    const certificate = await createServingCertificate({
      authority,
      ...options.serving,
      ttlMs: Math.min(ttl.defaultMs, ttl.maxMs),
      clock,
      logger,
      onChange: (context) => {
        for (const one of credentials) one.update(context);
        admin?.update(context);
      },
    });
    opened.push(() => certificate.close());
    const { adminAccounts: accounts } = options;
    const authenticator = createClientCertificateAuthenticator(authority.clients, clock);
    admin = await createAdminServer({
      ...options.admin,
      routes: adminRoutes({ authority, recorder, ttl }),
      ...(accounts === undefined ? {} : { tls: { context: certificate.context(), authenticator, accounts } }),
    });
    opened.push(() => admin?.close());
    const server = createGrpcServer({ service, authority, logger });
    opened.push(() => drain(server, clock));
    const grpc: string[] = [];
    for (const { host, port } of options.grpc) {
      const tls = new UpdatableTlsCredentials(certificate.context());
      credentials.push(tls);
      grpc.push(`${host}:${await bind(server, { host, port }, tls)}`);
    }
    setServing(true);
    let closed: Promise<void> | undefined;
    return {
      addresses: {
        grpc,
        admin: `${options.admin.host}:${admin.port}`,
        monitoring: `${options.monitoring.host}:${monitoring.port}`,
      },
      service,
      close: () => {
        setServing(false);
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tells the others that the roots are other ones; they fetch them. */
function announce(bundle: TrustBundle, options: { bus: Bus; clock: Clock; logger: Logger }): void {
  const { bus, clock, logger } = options;
  const { trustDomain, version, roots } = bundle;
  logger.info({ trustDomain, version, roots: roots.map(({ subject }) => subject) }, "root bundle changed");
  const payload = create(RootBundleChangedSchema, {
    time: timestampFromMs(clock.now()),
    trustDomain,
    version,
  });
  bus.publish({ subject: "weft.pki.v1.root_bundle_changed", payload });
}

function bind(
  server: Server,
  { host, port }: ListenAddress,
  credentials: UpdatableTlsCredentials,
): Promise<number> {
  const name = host === "" ? "[::]" : host.includes(":") ? `[${host}]` : host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${name}:${port}`, credentials, (error, bound) => {
      if (error) reject(new Error(`cannot listen on ${name}:${port}: ${error.message}`, { cause: error }));
      else resolve(bound);
    });
  });
}

async function drain(server: Server, clock: Clock): Promise<void> {
  const cancel = clock.after(drainMs, () => server.forceShutdown());
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  cancel();
}
