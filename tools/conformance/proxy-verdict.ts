import type { Message } from "@bufbuild/protobuf";
import type { Problem } from "@weft/base";
import {
  compileCluster,
  compileEndpoints,
  compileListener,
  compileRouteTable,
  createBareEnvironment,
  httpFilterFactories,
} from "@weft/dataplane/evaluate";
import { type ResourceSet, typeUrls } from "@weft/envoy-api";
import type { Cluster } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Listener } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { decode } from "./simulation/decode.ts";

/** A resource that Weft's proxy answers with a NACK, and why. */
export interface Refusal {
  readonly resource: string;
  readonly problems: readonly Problem[];
}

/** Compiles every resource as Weft's proxy does when it is sent; gives those it refuses. */
export function refusals(resources: ResourceSet): readonly Refusal[] {
  const environment = createBareEnvironment();
  const judge = <M extends Message>(
    typeUrl: string,
    compile: (message: M) => { readonly problems: readonly Problem[] },
  ): Refusal[] =>
    [...decode<M>(resources, typeUrl)].flatMap(([resource, message]) => {
      const problems = compile(message).problems.filter(({ severity }) => severity === "error");
      return problems.length === 0 ? [] : [{ resource, problems }];
    });
  return [
    ...judge<Cluster>(typeUrls.cluster, (message) => compileCluster(message, environment)),
    ...judge<ClusterLoadAssignment>(typeUrls.endpoint, compileEndpoints),
    ...judge<RouteConfiguration>(typeUrls.route, (message) =>
      compileRouteTable(message, httpFilterFactories),
    ),
    ...judge<Listener>(typeUrls.listener, (message) => compileListener(message, environment)),
  ];
}
