import type { MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "@weft/base";
import type { MetadataMatcherSchema } from "@weft/envoy-api/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcherSchema } from "@weft/envoy-api/envoy/type/matcher/v3/value_pb.js";
import type { MetadataMatch, ValueMatch } from "../ir/index.ts";
import { toStringMatcher } from "./string-match.ts";

function toValueMatcher(match: ValueMatch): MessageInitShape<typeof ValueMatcherSchema> {
  switch (match.kind) {
    case "string":
      return { matchPattern: { case: "stringMatch", value: toStringMatcher(match.match) } };
    case "list":
      return {
        matchPattern: {
          case: "listMatch",
          value: { matchPattern: { case: "oneOf", value: toValueMatcher(match.item) } },
        },
      };
    case "one":
      return { matchPattern: { case: "orMatch", value: { valueMatchers: match.of.map(toValueMatcher) } } };
    default:
      return assertNever(match);
  }
}

/** Envoy's MetadataMatcher. */
export function toMetadataMatcher(match: MetadataMatch): MessageInitShape<typeof MetadataMatcherSchema> {
  return {
    filter: match.filter,
    path: match.path.map((key) => ({ segment: { case: "key", value: key } })),
    value: toValueMatcher(match.value),
  };
}
