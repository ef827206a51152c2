import { typeNameOf } from "@weft/envoy-api";
import { ProxyProtocolConfig_Version } from "@weft/envoy-api/envoy/config/core/v3/proxy_protocol_pb.js";
import type {
  ListenerFilterChainMatchPredicate,
  ListenerFilter as ListenerFilterMessage,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { ProxyProtocol } from "@weft/envoy-api/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import type { ListenerFilter } from "../runtime/listener-config.ts";
import type { Problems } from "./problems.ts";
import { reportUnknownExtension, unpackKnown } from "./values.ts";

const proxyProtocol = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";

const listenerFilterKinds: Readonly<Record<string, ListenerFilter["kind"]>> = {
  [proxyProtocol]: "proxy-protocol",
  "envoy.extensions.filters.listener.original_dst.v3.OriginalDst": "original-dst",
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": "tls-inspector",
  "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector": "http-inspector",
};

/** The listener filters that are compiled in, as Envoy lists them among a node's extensions. */
export const listenerFilterNames = [
  "envoy.filters.listener.original_dst",
  "envoy.filters.listener.tls_inspector",
  "envoy.filters.listener.http_inspector",
  "envoy.filters.listener.proxy_protocol",
] as const;

/** Compiles a listener filter; one that is not compiled in is reported. */
export function compileListenerFilter(
  message: ListenerFilterMessage,
  path: string,
  problems: Problems,
): ListenerFilter[] {
  const any = message.configType.case === "typedConfig" ? message.configType.value : undefined;
  const kind = listenerFilterKinds[typeNameOf(any?.typeUrl ?? "")];
  if (kind === undefined || any === undefined) {
    reportUnknownExtension(
      problems,
      path,
      { name: message.name, typeUrl: any?.typeUrl },
      listenerFilterNames,
    );
    return [];
  }
  const config = unpackKnown(any, `${path}.typed_config`, problems);
  const disabled =
    message.filterDisabled === undefined
      ? () => false
      : compilePredicate(message.filterDisabled, `${path}.filter_disabled`, problems);
  if (kind !== "proxy-protocol") return [{ kind, disabled }];
  return config === undefined ? [] : [compileProxyProtocol(config as ProxyProtocol, disabled)]; // its type was compared
}

function compileProxyProtocol(message: ProxyProtocol, disabled: ListenerFilter["disabled"]): ListenerFilter {
  return {
    kind: "proxy-protocol",
    disabled,
    optional: message.allowRequestsWithoutProxyProtocol,
    disallowedVersions: new Set(
      message.disallowedVersions.map((version) => (version === ProxyProtocolConfig_Version.V1 ? 1 : 2)),
    ),
    statPrefix: message.statPrefix === "" ? "proxy_proto" : `proxy_proto.${message.statPrefix}`,
  };
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-listenerfilterchainmatchpredicate */
function compilePredicate(
  { rule }: ListenerFilterChainMatchPredicate,
  path: string,
  problems: Problems,
): (port: number) => boolean {
  switch (rule.case) {
    case "orMatch": {
      const any = rule.value.rules.map((inner, i) =>
        compilePredicate(inner, `${path}.or_match.rules[${i}]`, problems),
      );
      return (port) => any.some((matches) => matches(port));
    }
    case "andMatch": {
      const all = rule.value.rules.map((inner, i) =>
        compilePredicate(inner, `${path}.and_match.rules[${i}]`, problems),
      );
      return (port) => all.every((matches) => matches(port));
    }
    case "notMatch": {
      const matches = compilePredicate(rule.value, `${path}.not_match`, problems);
      return (port) => !matches(port);
    }
    case "anyMatch":
      return () => rule.value;
    case "destinationPortRange": {
      const { start, end } = rule.value;
      return (port) => port >= start && port < end;
    }
    default:
      problems.error(
        path,
        "missing",
        "needs one of or_match, and_match, not_match, any_match, destination_port_range",
      );
      return () => false;
  }
}
