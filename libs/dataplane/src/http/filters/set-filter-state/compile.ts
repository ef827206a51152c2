import {
  type FilterStateValue,
  FilterStateValue_SharedWithUpstream,
} from "@weft/envoy-api/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js";
import type { Config } from "@weft/envoy-api/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js";
import { compileFormat, FormatError } from "../../../access-log/index.ts";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import type { StreamFormatter } from "../../../runtime/stream-info.ts";
import { createSetFilterState, type OfferedProtocolsRule } from "./filter.ts";

const type = "envoy.extensions.filters.http.set_filter_state.v3.Config";
const applicationProtocols = "envoy.network.application_protocols";

/** `envoy.filters.http.set_filter_state`, for the one object that this proxy acts on: what upstream handshakes offer. */
export const setFilterState: HttpFilterFactory = {
  name: "envoy.filters.http.set_filter_state",
  configTypes: [type],
  routeConfigTypes: [],
  compile: (message, { name, path, problems, environment }) => {
    const { onRequestHeaders } = message as Config; // the registry goes by its type name
    const rules = onRequestHeaders.flatMap(
      (value, i) => compileValue(value, `${path}.on_request_headers[${i}]`, problems) ?? [],
    );
    return createSetFilterState(name, rules, environment.clusters);
  },
};

function compileValue(
  value: FilterStateValue,
  path: string,
  problems: Problems,
): OfferedProtocolsRule | undefined {
  const key = value.factoryKey === "" ? value.key.value : value.factoryKey;
  if (key !== applicationProtocols) {
    problems.error(`${path}.object_key`, "not-implemented", `only ${applicationProtocols} is implemented`);
    return undefined;
  }
  if (value.sharedWithUpstream === FilterStateValue_SharedWithUpstream.NONE) {
    problems.warning(
      `${path}.shared_with_upstream`,
      "without-effect",
      "has no effect: it is not shared with upstream connections, and nothing else reads it",
    );
    return undefined;
  }
  const format = compileText(value, path, problems);
  return format && { format, skipIfEmpty: value.skipIfEmpty };
}

function compileText(
  { value }: FilterStateValue,
  path: string,
  problems: Problems,
): StreamFormatter | undefined {
  const format = value.value?.format;
  const text =
    format?.case === "textFormat"
      ? format.value
      : format?.case === "textFormatSource" && format.value.specifier.case === "inlineString"
        ? format.value.specifier.value
        : undefined;
  const at = `${path}.format_string`;
  if (text === undefined) {
    problems.error(at, "not-implemented", "needs text_format or an inline text_format_source");
    return undefined;
  }
  try {
    return compileFormat(text, value.value?.omitEmptyValues === true ? "" : "-");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.error(at, "invalid-format", error.message);
    return undefined;
  }
}
