import { create } from "@bufbuild/protobuf";
import {
  CommonTlsContextSchema,
  type DownstreamTlsContext,
  type UpstreamTlsContext,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { StatsScope } from "../../runtime/stats.ts";
import type { DownstreamTransport, UpstreamTransport } from "../../runtime/transport.ts";
import type { RawTransportOptions } from "../../tcp/index.ts";
import {
  createDownstreamTls,
  createMaterialSource,
  createUpstreamTls,
  type SecretRef,
  type TlsMaterial,
  TlsStats,
} from "../../tls/index.ts";
import type { Problems } from "../problems.ts";
import { compileContext } from "./context.ts";
import type { TransportEnvironment } from "./environment.ts";

/** A transport with the secrets that it needs. */
export interface CompiledTransport<T> {
  readonly transport: T;
  readonly secrets: readonly SecretRef[];
  /** What its handshakes need at present; throws a TransportSocketError where that is not there. */
  readonly materials: readonly (() => TlsMaterial)[];
}

/** Compiles the TLS of a filter chain; `scope` is the listener's. */
export function compileDownstreamTls(
  message: DownstreamTlsContext,
  path: string,
  options: {
    readonly scope: StatsScope;
    readonly environment: TransportEnvironment;
    readonly problems: Problems;
  },
): CompiledTransport<DownstreamTransport> | undefined {
  const { scope, environment, problems } = options;
  const common = message.commonTlsContext;
  if (common === undefined) {
    problems.error(`${path}.common_tls_context`, "missing", "a server needs a certificate");
    return undefined;
  }
  const settings = compileContext(common, `${path}.common_tls_context`, environment.tls, problems);
  if (settings.certificates.length === 0 && !problems.failed) {
    problems.error(`${path}.common_tls_context`, "missing", "No TLS certificates found for server context");
  }
  const requireClientCertificate = message.requireClientCertificate ?? false;
  if (requireClientCertificate && settings.trust === undefined && !problems.failed) {
    // Envoy takes any certificate then, which proves nothing.
    problems.error(`${path}.require_client_certificate`, "not-implemented", "needs a validation context");
  }
  const material = createMaterialSource(settings, environment.tls.secrets);
  return {
    secrets: settings.secrets,
    materials: [material],
    transport: createDownstreamTls({
      settings,
      material,
      requireClientCertificate,
      contexts: environment.tls.contexts,
      stats: new TlsStats(scope, {
        name: "server_ssl_socket_factory",
        notReady: "downstream_context_secrets_not_ready",
      }),
      clock: environment.clock,
    }),
  };
}

/** Compiles the TLS of a cluster; `scope` is the cluster's. */
export function compileUpstreamTls(
  message: UpstreamTlsContext,
  path: string,
  options: {
    readonly scope: StatsScope;
    readonly raw: RawTransportOptions;
    readonly environment: TransportEnvironment;
    readonly problems: Problems;
  },
): CompiledTransport<UpstreamTransport> {
  const { scope, raw, environment, problems } = options;
  // Without one, as in Envoy: no certificate to show, nobody to verify.
  const common = message.commonTlsContext ?? create(CommonTlsContextSchema);
  const settings = compileContext(common, `${path}.common_tls_context`, environment.tls, problems);
  const material = createMaterialSource(settings, environment.tls.secrets);
  return {
    secrets: settings.secrets,
    materials: [material],
    transport: createUpstreamTls({
      settings,
      material,
      sni: message.sni,
      resumes: message.maxSessionKeys !== 0,
      keepAliveMs: raw.keepAliveMs,
      contexts: environment.tls.contexts,
      stats: new TlsStats(scope, {
        name: "client_ssl_socket_factory",
        notReady: "upstream_context_secrets_not_ready",
      }),
      clock: environment.clock,
    }),
  };
}
