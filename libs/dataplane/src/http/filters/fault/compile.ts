import type { Message } from "@bufbuild/protobuf";
import type { HTTPFault } from "@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { compileHeader } from "@weft/matching";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeFraction, decodeHeaderMatcher } from "../../../compile/route/matchers.ts";
import { durationMs } from "../../../compile/values.ts";
import { createFaultFilter, type FaultConfig } from "./filter.ts";

const type = "envoy.extensions.filters.http.fault.v3.HTTPFault";

/** `envoy.filters.http.fault`; a route's configuration replaces the filter's as a whole. */
export const fault: HttpFilterFactory = {
  name: "envoy.filters.http.fault",
  configTypes: [type],
  routeConfigTypes: [type],
  compile: (config, { name, path, problems, stats }) =>
    createFaultFilter(name, compileFault(config, path, problems), stats),
  compileRoute: compileFault,
};

/** Compiles a fault. https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/fault/v3/fault.proto */
function compileFault(message: Message, path: string, problems: Problems): FaultConfig {
  const config = message as HTTPFault; // the registry goes by its type name
  if (config.responseRateLimit !== undefined)
    problems.error(
      `${path}.response_rate_limit`,
      "not-implemented",
      "this proxy does not limit response rates",
    );
  if (config.downstreamNodes.length > 0)
    problems.error(
      `${path}.downstream_nodes`,
      "not-implemented",
      "this proxy does not match downstream nodes",
    );
  const matchers = config.headers.map((header, i) =>
    compileHeader(decodeHeaderMatcher(header, `${path}.headers[${i}]`, problems)),
  );
  return {
    ...compileDelay(config),
    ...compileAbort(config),
    ...(matchers.length > 0 && { match: (request) => matchers.every((matches) => matches(request)) }),
    upstreamCluster: config.upstreamCluster,
    maxActive: config.maxActiveFaults ?? Number.POSITIVE_INFINITY,
  };
}

function compileDelay({ delay }: HTTPFault): Pick<FaultConfig, "delay"> {
  if (delay?.faultDelaySecifier.case === undefined) return {};
  const { faultDelaySecifier: specifier } = delay;
  const ms = specifier.case === "fixedDelay" ? durationMs(specifier.value, 0) : "header";
  return { delay: { ms, share: decodeFraction(delay.percentage) } };
}

function compileAbort({ abort }: HTTPFault): Pick<FaultConfig, "abort"> {
  if (abort?.errorType.case === undefined) return {};
  const share = decodeFraction(abort.percentage);
  switch (abort.errorType.case) {
    case "httpStatus":
      return { abort: { status: { http: abort.errorType.value }, share } };
    case "grpcStatus":
      return { abort: { status: { grpc: abort.errorType.value }, share } };
    case "headerAbort":
      return { abort: { status: "header", share } };
  }
}
