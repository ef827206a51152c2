import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StringMatcherSchema } from "@weft/envoy-api/envoy/type/matcher/v3/string_pb.js";
import type { StringMatch } from "../ir/index.ts";

/** Envoy's StringMatcher. */
export function toStringMatcher(match: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  if (match.kind === "regex") return { matchPattern: { case: "safeRegex", value: { regex: match.value } } };
  return {
    matchPattern: { case: match.kind, value: match.value },
    ...(match.ignoreCase ? { ignoreCase: true } : {}),
  };
}
