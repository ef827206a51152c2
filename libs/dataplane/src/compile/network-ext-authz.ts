import type { ExtAuthz } from "@weft/envoy-api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import { compileMetadata } from "@weft/matching";
import type { NetworkFilterLayer } from "../runtime/connection.ts";
import type { AccessLogger } from "../runtime/stream-info.ts";
import { createNetworkExtAuthz } from "../tcp/index.ts";
import type { CompileEnvironment } from "./environment.ts";
import { compileGrpcAuthorizer } from "./ext-authz.ts";
import { decodeMetadataMatcher } from "./metadata-matcher.ts";
import type { Problems } from "./problems.ts";

/** Compiles a network ext_authz filter whose fields are checked already, for a chain whose logs are then given. */
export function compileNetworkExtAuthz(
  message: ExtAuthz,
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): ((accessLogs: readonly AccessLogger[]) => NetworkFilterLayer) | undefined {
  const {
    grpcService,
    filterEnabledMetadata: matcher,
    statPrefix,
    includeTlsSession,
    includePeerCertificate,
  } = message;
  if (grpcService === undefined) {
    problems.error(`${path}.grpc_service`, "missing", "needs a service that decides");
    return undefined;
  }
  const options = {
    showsHeader: () => true,
    packBodyAsBytes: false,
    includeTlsSession,
    includePeerCertificate,
  };
  const authorizer = compileGrpcAuthorizer(
    grpcService,
    options,
    `${path}.grpc_service`,
    environment,
    problems,
  );
  const matches =
    matcher && compileMetadata(decodeMetadataMatcher(matcher, `${path}.filter_enabled_metadata`, problems));
  const scope = environment.stats.scope(`ext_authz.${statPrefix}`);
  const config = {
    authorizer,
    enabled: matches ?? (() => true),
    failureModeAllow: message.failureModeAllow,
    stats: {
      total: scope.counter("total"),
      ok: scope.counter("ok"),
      denied: scope.counter("denied"),
      error: scope.counter("error"),
      failureModeAllowed: scope.counter("failure_mode_allowed"),
      closed: scope.counter("cx_closed"),
      disabled: scope.counter("disabled"),
      active: scope.gauge("active"),
    },
    clock: environment.clock,
  };
  return (accessLogs) => createNetworkExtAuthz({ ...config, accessLogs });
}
