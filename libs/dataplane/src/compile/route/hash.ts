import type { RouteAction_HashPolicy } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { compileRegexRewrite, queryValue } from "@weft/matching";
import { xxHash64 } from "../../cluster/index.ts";
import type { SocketAddress } from "../../runtime/connection.ts";
import type { RequestView } from "../../runtime/request.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";
import type { Problems } from "../problems.ts";

/** Gives the hash of a request for consistent hashing; undefined where no policy has anything to hash. */
export type RequestHash = (request: RequestView, info: StreamInfo) => bigint | undefined;

interface Policy {
  readonly value: (request: RequestView, info: StreamInfo) => string | undefined;
  readonly terminal: boolean;
}

/**
 * Compiles hash policies. The hashes of all that find something are combined as Envoy does it, so that both choose the
 * same host; a terminal policy ends it where something was found so far.
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
    let hash: bigint | undefined;
    for (const { value, terminal } of policies) {
      const found = value(request, info);
      if (found !== undefined) hash = xxHash64(found) ^ (hash === undefined ? 0n : rotateLeft(hash));
      if (terminal && hash !== undefined) break;
    }
    return hash;
  };
}

const rotateLeft = (hash: bigint) => BigInt.asUintN(64, hash << 1n) | (hash >> 63n);

function compilePolicy(message: RouteAction_HashPolicy, path: string, problems: Problems): Policy {
  const { policySpecifier, terminal } = message;
  switch (policySpecifier.case) {
    case "header": {
      const { headerName, regexRewrite } = policySpecifier.value;
      const name = headerName.toLowerCase();
      const rewrite =
        regexRewrite && compileRegexRewrite(regexRewrite.pattern?.regex ?? "", regexRewrite.substitution);
      return {
        terminal,
        value: (request) => {
          const value = request.header(name);
          return value === undefined ? undefined : (rewrite?.(value) ?? value);
        },
      };
    }
    case "cookie": {
      const { name, path: cookiePath, ttl, attributes } = policySpecifier.value;
      const make =
        ttl &&
        cookieMaker({
          name,
          path: cookiePath,
          maxAgeSeconds: Number(ttl.seconds),
          attributes: attributes.map((one) => (one.value === "" ? one.name : `${one.name}=${one.value}`)),
        });
      return {
        terminal,
        value: (request, info) => cookie(request.header("cookie"), name) ?? make?.(info),
      };
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

/**
 * Makes the cookie that keeps a client on its host. As in Envoy all requests of one connection get the same one, so
 * that a browser's first requests agree.
 */
function cookieMaker(cookie: {
  readonly name: string;
  readonly path: string;
  readonly maxAgeSeconds: number;
  readonly attributes: readonly string[];
}): (info: StreamInfo) => string {
  const parts = [
    ...(cookie.maxAgeSeconds > 0 ? [`Max-Age=${cookie.maxAgeSeconds}`] : []),
    ...(cookie.path === "" ? [] : [`Path=${cookie.path}`]),
    ...cookie.attributes,
    "HttpOnly",
  ].join("; ");
  return ({ connection: { remoteAddress, localAddress }, responseCookies }) => {
    const value = xxHash64(addressText(remoteAddress) + addressText(localAddress))
      .toString(16)
      .padStart(16, "0");
    responseCookies.push(`${cookie.name}="${value}"; ${parts}`);
    return value;
  };
}

const addressText = ({ address, port }: SocketAddress) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

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
