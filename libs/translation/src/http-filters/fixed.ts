import type { Any } from "@bufbuild/protobuf/wkt";
import { CorsSchema } from "@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema } from "@weft/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { GrpcWebSchema } from "@weft/envoy-api/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { RouterSchema } from "@weft/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import { pack } from "../envoy/any.ts";
import type { HttpFilterRule } from "./http-filter.ts";

function always(name: string, config: Any): HttpFilterRule {
  const filters = [{ name, configType: { case: "typedConfig" as const, value: config } }];
  return { name, build: () => filters };
}

/** Counts gRPC messages, which access logs read. */
export const grpcStats = always(
  "envoy.filters.http.grpc_stats",
  pack(FilterConfigSchema, {
    emitFilterState: true,
    perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } },
  }),
);

/** Faults; what is done comes from the route. */
export const fault = always("envoy.filters.http.fault", pack(HTTPFaultSchema));

/** Cross-origin answers; what is allowed comes from the route. */
export const cors = always("envoy.filters.http.cors", pack(CorsSchema));

/** Translates gRPC-Web to gRPC, where a port speaks it. */
export const grpcWeb: HttpFilterRule = {
  name: "envoy.filters.http.grpc_web",
  build: (http) =>
    http.grpcWeb
      ? [
          {
            name: "envoy.filters.http.grpc_web",
            configType: { case: "typedConfig", value: pack(GrpcWebSchema) },
          },
        ]
      : [],
};

/** Sends the request on. */
export const router = always("envoy.filters.http.router", pack(RouterSchema));
