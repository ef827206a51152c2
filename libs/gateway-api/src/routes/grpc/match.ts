import type { GRPCRouteMatch, HTTPMatchRequest, StringMatch } from "@weft/istio-api";
import { toNamedMatches } from "../http/match.ts";

/** A gRPC method is the path `/service/method`: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function toUri(match: GRPCRouteMatch["method"]): StringMatch | undefined {
  const { type = "Exact", service, method } = match ?? {};
  if (service === undefined && method === undefined) return undefined;
  if (service === undefined) return { regex: `/[^/]+/${method}` };
  if (type === "RegularExpression") return { regex: `/${service}/${method ?? ".+"}` };
  return method === undefined ? { prefix: `/${service}/` } : { exact: `/${service}/${method}` };
}

/** A match of a GRPCRoute: https://gateway-api.sigs.k8s.io/reference/spec/#grpcroutematch */
export function toGrpcMatch({ method, headers }: GRPCRouteMatch): HTTPMatchRequest {
  const uri = toUri(method);
  const byHeaders = toNamedMatches(headers);
  return { ...(uri ? { uri } : {}), ...(byHeaders ? { headers: byHeaders } : {}) };
}
