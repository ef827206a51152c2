import {
  type HeaderValueOption,
  HeaderValueOption_HeaderAppendAction,
} from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { compileFormat, FormatError } from "../../access-log/index.ts";
import type { AppendAction, HeaderMutation } from "../../runtime/route.ts";
import type { Problems } from "../problems.ts";

/** The four header fields of tables, virtual hosts, routes and weighted clusters. */
export interface HeaderFields {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** Compiled header changes; undefined where there is nothing to change. */
export interface HeaderMutations {
  readonly request: HeaderMutation | undefined;
  readonly response: HeaderMutation | undefined;
}

/** Compiles the header fields of a message at `path`. */
export function compileHeaderMutations(
  fields: HeaderFields,
  path: string,
  problems: Problems,
): HeaderMutations {
  return {
    request: compileMutation(
      fields.requestHeadersToAdd,
      fields.requestHeadersToRemove,
      `${path}request_headers_to_`,
      problems,
    ),
    response: compileMutation(
      fields.responseHeadersToAdd,
      fields.responseHeadersToRemove,
      `${path}response_headers_to_`,
      problems,
    ),
  };
}

/** Compiles headers to add at `path`; undefined where there are none. */
export function compileHeaderAdditions(
  options: readonly HeaderValueOption[],
  path: string,
  problems: Problems,
): HeaderMutation | undefined {
  return compileMutation(options, [], path.replace(/add$/, ""), problems);
}

function compileMutation(
  toAdd: readonly HeaderValueOption[],
  toRemove: readonly string[],
  path: string,
  problems: Problems,
): HeaderMutation | undefined {
  if (toAdd.length === 0 && toRemove.length === 0) return undefined;
  for (const [index, name] of toRemove.entries()) {
    if (isProtected(name)) {
      problems.error(`${path}remove[${index}]`, "protected-header", `${name} cannot be removed`);
    }
  }
  const add = toAdd.flatMap((option, index) => {
    const at = `${path}add[${index}].header`;
    const name = (option.header?.key ?? "").toLowerCase();
    if (name === "") problems.error(`${at}.key`, "missing", "a header needs a name");
    if (isProtected(name))
      problems.error(`${at}.key`, "protected-header", `${name} cannot be changed this way`);
    const text = textOf(option);
    try {
      const format = compileFormat(text, "");
      const value = text.includes("%") ? format : text;
      return [{ name, value, action: actionOf(option), keepEmpty: option.keepEmptyValue }];
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.error(`${at}.value`, "invalid-format", error.message);
      return [];
    }
  });
  return { add, remove: toRemove.map((name) => name.toLowerCase()) };
}

/** Pseudo headers and host: Envoy refuses to remove or add them; rewrites are for that. */
function isProtected(name: string): boolean {
  return name.startsWith(":") || name.toLowerCase() === "host";
}

function textOf({ header }: HeaderValueOption): string {
  if (header === undefined) return "";
  return header.rawValue.length > 0 ? Buffer.from(header.rawValue).toString("latin1") : header.value;
}

function actionOf(option: HeaderValueOption): AppendAction {
  // The older boolean, where it is given, goes before the action.
  if (option.append !== undefined) return option.append ? "append" : "overwrite";
  switch (option.appendAction) {
    case HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT:
      return "add-if-absent";
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD:
      return "overwrite";
    case HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS:
      return "overwrite-if-exists";
    default:
      return "append";
  }
}
