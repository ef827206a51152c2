import type { HttpFilterFactory } from "../../../compile/environment.ts";
import { createGrpcWebFilter } from "./filter.ts";

/** `envoy.filters.http.grpc_web`, which has no settings. */
export const grpcWeb: HttpFilterFactory = {
  name: "envoy.filters.http.grpc_web",
  configTypes: ["envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"],
  routeConfigTypes: [],
  compile: (_config, { name }) => createGrpcWebFilter(name),
};
