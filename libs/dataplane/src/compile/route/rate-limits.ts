import type {
  RateLimit,
  RateLimit_Action,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RateLimit_Action_MetaData_Source } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { MetadataKey } from "@weft/envoy-api/envoy/type/metadata/v3/metadata_pb.js";
import { compileHeader, compileQuery } from "@weft/matching";
import type { DescriptorEntry, RateLimitRule } from "../../runtime/rate-limit.ts";
import type { RequestView } from "../../runtime/request.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";
import type { Problems } from "../problems.ts";
import { decodeHeaderMatcher, decodeQueryMatcher } from "./matchers.ts";

/** An entry; `skip`: the descriptor goes on without it; undefined: there is no descriptor. */
type Action = (
  request: RequestView,
  info: StreamInfo,
  serviceCluster: string,
) => DescriptorEntry | "skip" | undefined;

/**
 * Compiles `rate_limits`: what requests count as, for the rate limit filters.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-ratelimit
 */
export function compileRateLimits(
  messages: readonly RateLimit[],
  path: string,
  problems: Problems,
): readonly RateLimitRule[] {
  return messages.map(({ stage, actions: list }, index) => {
    const actions = list.map((action, at) =>
      compileAction(action, `${path}[${index}].actions[${at}]`, problems),
    );
    return {
      stage: stage ?? 0,
      describe: (request, info, serviceCluster) => {
        const entries: DescriptorEntry[] = [];
        for (const action of actions) {
          const entry = action(request, info, serviceCluster);
          if (entry === undefined) return undefined;
          if (entry !== "skip") entries.push(entry);
        }
        return entries;
      },
    };
  });
}

function compileAction({ actionSpecifier }: RateLimit_Action, path: string, problems: Problems): Action {
  switch (actionSpecifier.case) {
    case "sourceCluster":
      return (_request, _info, value) => ({ key: "source_cluster", value });
    case "destinationCluster":
      return (_request, { clusterChoice }) =>
        clusterChoice && { key: "destination_cluster", value: clusterChoice.cluster };
    case "requestHeaders": {
      const { headerName, descriptorKey: key, skipIfAbsent } = actionSpecifier.value;
      const name = headerName.toLowerCase();
      const absent = skipIfAbsent ? "skip" : undefined;
      return (request) => {
        const value = request.header(name);
        return value === undefined ? absent : { key, value };
      };
    }
    case "remoteAddress":
      return (_request, { remoteAddress }) => entryUnlessEmpty("remote_address", remoteAddress.address);
    case "maskedRemoteAddress": {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = actionSpecifier.value;
      return (_request, { remoteAddress: { address } }) =>
        address === ""
          ? undefined
          : { key: "masked_remote_address", value: maskAddress(address, v4PrefixMaskLen, v6PrefixMaskLen) };
    }
    case "genericKey": {
      const { descriptorKey, descriptorValue: value } = actionSpecifier.value;
      const entry = { key: descriptorKey || "generic_key", value };
      return () => entry;
    }
    case "headerValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch = true, headers } = actionSpecifier.value;
      const matchers = headers.map((header, i) =>
        compileHeader(decodeHeaderMatcher(header, `${path}.header_value_match.headers[${i}]`, problems)),
      );
      return matchAction(matchers, expectMatch, {
        key: descriptorKey || "header_match",
        value: descriptorValue,
      });
    }
    case "queryParameterValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch = true, queryParameters } = actionSpecifier.value;
      const matchers = queryParameters.map((parameter, i) =>
        compileQuery(
          decodeQueryMatcher(
            parameter,
            `${path}.query_parameter_value_match.query_parameters[${i}]`,
            problems,
          ),
        ),
      );
      return matchAction(matchers, expectMatch, {
        key: descriptorKey || "query_match",
        value: descriptorValue,
      });
    }
    case "dynamicMetadata": {
      const { descriptorKey: key, metadataKey, defaultValue } = actionSpecifier.value;
      return (_request, info) =>
        entryUnlessEmpty(key, textAt(Object.fromEntries(info.metadata), metadataKey) || defaultValue);
    }
    case "metadata": {
      const { descriptorKey: key, metadataKey, defaultValue, source, skipIfAbsent } = actionSpecifier.value;
      const ofRoute = source === RateLimit_Action_MetaData_Source.ROUTE_ENTRY;
      return (_request, info) => {
        const metadata = ofRoute ? info.route?.metadata : Object.fromEntries(info.metadata);
        const entry = entryUnlessEmpty(key, textAt(metadata, metadataKey) || defaultValue);
        return entry ?? (skipIfAbsent ? "skip" : undefined);
      };
    }
    default:
      problems.error(path, "not-implemented", "this kind of action is not implemented");
      return () => undefined;
  }
}

const entryUnlessEmpty = (key: string, value: string): DescriptorEntry | undefined =>
  value === "" ? undefined : { key, value };

function matchAction(
  matchers: readonly ((request: RequestView) => boolean)[],
  expected: boolean,
  entry: DescriptorEntry,
): Action {
  return (request) => (matchers.every((matches) => matches(request)) === expected ? entry : undefined);
}

/** The text at a path of metadata; empty where there is none. */
function textAt(
  metadata: Readonly<Record<string, unknown>> | undefined,
  key: MetadataKey | undefined,
): string {
  let value: unknown = metadata?.[key?.key ?? ""];
  for (const { segment } of key?.path ?? []) {
    if (segment.case !== "key" || value === null || typeof value !== "object") return "";
    value = (value as Readonly<Record<string, unknown>>)[segment.value]; // an object, as just seen
  }
  return typeof value === "string" ? value : "";
}

/** `192.0.2.0/24`: the block that an address is in. */
function maskAddress(address: string, v4Length: number, v6Length: number): string {
  const isV6 = address.includes(":");
  const length = isV6 ? v6Length : v4Length;
  const groupBits = isV6 ? 16 : 8;
  const groups = (isV6 ? expandV6(address) : address.split(".").map(Number)).map((group, at) => {
    const kept = Math.min(groupBits, Math.max(0, length - at * groupBits));
    return group & ~((1 << (groupBits - kept)) - 1);
  });
  const text = isV6
    ? new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1)
    : groups.join(".");
  return `${text}/${length}`;
}

function expandV6(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const parse = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const before = parse(head);
  const after = parse(tail ?? "");
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
