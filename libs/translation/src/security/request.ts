import type { AuthorizationOperation } from "@weft/istio-api";
import type { Permission, ValueMatch } from "../ir/index.ts";
import { type Attribute, eachValue } from "./attribute.ts";
import { oneValue } from "./claims.ts";
import { parseBlock, parsePort, toPattern, toStringMatch } from "./patterns.ts";

const http = { httpOnly: true };

/** The host asked for, whose letters may be of either case. */
export const host = eachValue<Permission>((text) => {
  const value = toPattern(text);
  const ignoring =
    value.kind === "present" || value.kind === "regex" ? value : { ...value, ignoreCase: true };
  return { kind: "header", name: ":authority", value: ignoring };
}, http);

export const method = eachValue<Permission>(
  (text) => ({ kind: "header", name: ":method", value: toPattern(text) }),
  http,
);

/** The path without its query; a template where it has `{*}` (one segment) or `{**}` (any number of them). */
export const path = eachValue<Permission>(
  (text) =>
    text.includes("{*}") || text.includes("{**}")
      ? { kind: "path-template", value: text.replaceAll("{**}", "**").replaceAll("{*}", "*") }
      : { kind: "path", value: toStringMatch(text) },
  http,
);

export const destinationPort = eachValue<Permission>((text) => {
  const port = parsePort(text);
  return port === undefined
    ? `"${text}" is not a port; allowed are 0 to 65535`
    : { kind: "destination-port", port };
});

export const destinationIp = eachValue<Permission>((text) => {
  const block = parseBlock(text);
  return block
    ? { kind: "destination-ip", ...block }
    : `"${text}" is neither an IP address nor a range of them`;
});

/** The name asked for in a TLS handshake. */
export const serverName = eachValue<Permission>((text) => ({
  kind: "server-name",
  value: toStringMatch(text),
}));

/** What some filter of Envoy has left at a key; `[value]` looks into a list. */
export function filterMetadata(filter: string, key: string): Attribute<Permission> {
  return {
    httpOnly: false,
    read: (values) => {
      const matches = values.map((value): ValueMatch => {
        const inList = value.startsWith("[") && value.endsWith("]");
        const text = inList ? value.replace(/^[[\]]+|[[\]]+$/g, "") : value;
        const match: ValueMatch = { kind: "string", match: toStringMatch(text) };
        return inList ? { kind: "list", item: match } : match;
      });
      return { kind: "metadata", filter, path: [key], value: oneValue(matches) };
    },
  };
}

/** The attributes of a policy's `operation`, in the order Istio checks them. */
export const operationAttributes: readonly (readonly [
  field: keyof AuthorizationOperation,
  notField: keyof AuthorizationOperation,
  attribute: Attribute<Permission>,
])[] = [
  ["hosts", "notHosts", host],
  ["methods", "notMethods", method],
  ["paths", "notPaths", path],
  ["ports", "notPorts", destinationPort],
];
