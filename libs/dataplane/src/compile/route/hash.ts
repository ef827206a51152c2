import { randomUUID } from "node:crypto";
import type { RouteAction_HashPolicy } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { queryValue } from "@weft/matching";
import { ringHash } from "../../cluster/index.ts";
import type { RequestView } from "../../runtime/request.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";
import type { Problems } from "../problems.ts";

/** Gives the hash of a request for consistent hashing; undefined where no policy has anything to hash. */
export type RequestHash = (request: RequestView, info: StreamInfo) => number | undefined;

interface Policy {
  readonly value: (request: RequestView, info: StreamInfo) => string | undefined;
  readonly terminal: boolean;
}

/**
 * Compiles hash policies: the hashes of all that find something are combined, and a terminal one that does ends it.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-hashpolicy
 */
export function compileHashPolicies(
  messages: readonly RouteAction_HashPolicy[],
  path: string,
  problems: Problems,
): RequestHash | undefined {
  if (messages.length === 0) return undefined;
  const policies = messages.map((message, index) => compilePolicy(message, `${path}[${index}]`, problems));
  return (request, info) => {
    let hash: number | undefined;
    for (const { value, terminal } of policies) {
      const found = value(request, info);
      if (found === undefined) continue;
      hash = hash === undefined ? ringHash(found) : ringHash(`${hash}\n${found}`);
      if (terminal) break;
    }
    return hash;
  };
}

function compilePolicy(message: RouteAction_HashPolicy, path: string, problems: Problems): Policy {
  const { policySpecifier, terminal } = message;
  switch (policySpecifier.case) {
    case "header": {
      const name = policySpecifier.value.headerName.toLowerCase();
      return { terminal, value: (request) => request.header(name) };
    }
    case "cookie": {
      const { name, ttl } = policySpecifier.value;
      if (ttl !== undefined) {
        problems.warning(
          `${path}.cookie.ttl`,
          "without-effect",
          "has no effect: the proxy makes no cookies of its own",
        );
      }
      // Without the cookie any host will do, and the next request may land elsewhere.
      return { terminal, value: (request) => cookie(request.header("cookie"), name) ?? randomUUID() };
    }
    case "connectionProperties":
      return {
        terminal,
        value: policySpecifier.value.sourceIp
          ? (_request, info) => info.remoteAddress.address
          : () => undefined,
      };
    case "queryParameter": {
      const { name } = policySpecifier.value;
      return { terminal, value: (request) => queryValue(request.path, name) };
    }
    default:
      problems.error(
        path,
        "not-implemented",
        "needs one of header, cookie, connection_properties, query_parameter",
      );
      return { terminal, value: () => undefined };
  }
}

function cookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals !== -1 && pair.slice(0, equals).trim() === name) {
      return pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, "$1");
    }
  }
  return undefined;
}
