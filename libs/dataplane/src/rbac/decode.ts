import type {
  Permission as PermissionMessage,
  Principal as PrincipalMessage,
} from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "@weft/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { PathMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/path_pb.js";
import type { Permission, Principal, StringMatch } from "@weft/matching";
import { decodeMetadataMatcher } from "../compile/metadata-matcher.ts";
import type { Problems } from "../compile/problems.ts";
import { decodeHeaderMatcher, decodeStringMatcher } from "../compile/route/matchers.ts";
import { compileRanges, unpackAs } from "../compile/values.ts";

const nothing = { kind: "never" } as const;

/** A permission as the matchers know it; one that is not implemented is reported. */
export function decodePermission(message: PermissionMessage, path: string, problems: Problems): Permission {
  const { rule } = message;
  switch (rule.case) {
    case "any":
      return { kind: "any" };
    case "andRules":
      return { kind: "and", of: decodeRules(rule.value.rules, `${path}.and_rules.rules`, problems) };
    case "orRules":
      return { kind: "or", of: decodeRules(rule.value.rules, `${path}.or_rules.rules`, problems) };
    case "notRule":
      return { kind: "not", of: decodePermission(rule.value, `${path}.not_rule`, problems) };
    case "header":
      return { kind: "header", match: decodeHeaderMatcher(rule.value, `${path}.header`, problems) };
    case "urlPath":
      return { kind: "path", match: decodePath(rule.value, `${path}.url_path`, problems) };
    case "uriTemplate": {
      const at = `${path}.uri_template.typed_config`;
      const config = unpackAs(UriTemplateMatchConfigSchema, rule.value.typedConfig, at, problems);
      return config === undefined ? nothing : { kind: "path-template", template: config.pathTemplate };
    }
    case "destinationIp":
      return { kind: "destination-ip", range: rangeOf(rule.value) };
    case "destinationPort":
      return { kind: "destination-port", port: rule.value };
    case "destinationPortRange":
      return { kind: "destination-port-range", start: rule.value.start, end: rule.value.end };
    case "requestedServerName":
      return {
        kind: "server-name",
        match: decodeStringMatcher(rule.value, `${path}.requested_server_name`, problems),
      };
    case "metadata":
      return {
        kind: "metadata",
        match: decodeMetadataMatcher(rule.value, `${path}.metadata`, problems),
        source: "dynamic",
      };
    case "matcher":
      problems.error(`${path}.matcher`, "not-implemented", "this proxy has no matchers by extension");
      return nothing;
    case undefined:
      problems.error(
        path,
        "missing",
        "needs one of any, and_rules, or_rules, not_rule, header, url_path, uri_template, destination_ip, " +
          "destination_port, destination_port_range, requested_server_name, metadata",
      );
      return nothing;
  }
}

function decodeRules(messages: readonly PermissionMessage[], path: string, problems: Problems): Permission[] {
  return messages.map((message, i) => decodePermission(message, `${path}[${i}]`, problems));
}

/** A principal as the matchers know it; one that is not implemented is reported. */
export function decodePrincipal(message: PrincipalMessage, path: string, problems: Problems): Principal {
  const { identifier } = message;
  switch (identifier.case) {
    case "any":
      return { kind: "any" };
    case "andIds":
      return { kind: "and", of: decodeIds(identifier.value.ids, `${path}.and_ids.ids`, problems) };
    case "orIds":
      return { kind: "or", of: decodeIds(identifier.value.ids, `${path}.or_ids.ids`, problems) };
    case "notId":
      return { kind: "not", of: decodePrincipal(identifier.value, `${path}.not_id`, problems) };
    case "authenticated": {
      const name = identifier.value.principalName;
      return {
        kind: "authenticated",
        ...(name !== undefined && {
          name: decodeStringMatcher(name, `${path}.authenticated.principal_name`, problems),
        }),
      };
    }
    case "sourceIp":
      return { kind: "source-ip", range: rangeOf(identifier.value) };
    case "directRemoteIp":
      return { kind: "direct-remote-ip", range: rangeOf(identifier.value) };
    case "remoteIp":
      return { kind: "remote-ip", range: rangeOf(identifier.value) };
    case "header":
      return { kind: "header", match: decodeHeaderMatcher(identifier.value, `${path}.header`, problems) };
    case "urlPath":
      return { kind: "path", match: decodePath(identifier.value, `${path}.url_path`, problems) };
    case "metadata":
      return {
        kind: "metadata",
        match: decodeMetadataMatcher(identifier.value, `${path}.metadata`, problems),
        source: "dynamic",
      };
    case "filterState":
      // No filter of this proxy keeps filter state: as in Envoy, what is not there matches nothing.
      problems.warning(`${path}.filter_state`, "without-effect", "matches nothing: there is no filter state");
      return nothing;
    case undefined:
      problems.error(
        path,
        "missing",
        "needs one of any, and_ids, or_ids, not_id, authenticated, source_ip, direct_remote_ip, remote_ip, " +
          "header, url_path, metadata, filter_state",
      );
      return nothing;
  }
}

function decodeIds(messages: readonly PrincipalMessage[], path: string, problems: Problems): Principal[] {
  return messages.map((message, i) => decodePrincipal(message, `${path}[${i}]`, problems));
}

type RangeMessage = Parameters<typeof compileRanges>[0][number];

const rangeOf = (message: RangeMessage) => compileRanges([message])[0] ?? { address: "", prefixLength: 0 };

function decodePath({ rule }: PathMatcher, path: string, problems: Problems): StringMatch {
  if (rule.case === "path") return decodeStringMatcher(rule.value, `${path}.path`, problems);
  problems.error(path, "missing", "needs path");
  return { kind: "exact", value: "" };
}
