import type { Message } from "@bufbuild/protobuf";
import type { HeaderMutation as MutationMessage } from "@weft/envoy-api/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js";
import type {
  HeaderMutation as FilterMessage,
  HeaderMutationPerRoute,
  Mutations,
} from "@weft/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { compileHeaderAdditions } from "../../../compile/route/header-options.ts";
import type { HeaderMutation } from "../../../runtime/route.ts";
import { createHeaderMutationFilter, type MessageMutations } from "./filter.ts";

const type = "envoy.extensions.filters.http.header_mutation.v3";

/** `envoy.filters.http.header_mutation`: its own changes first, then those of the route. */
export const headerMutation: HttpFilterFactory = {
  name: "envoy.filters.http.header_mutation",
  configTypes: [`${type}.HeaderMutation`],
  routeConfigTypes: [`${type}.HeaderMutationPerRoute`],
  compile: (message, { name, path, problems }) =>
    createHeaderMutationFilter(name, compileMutations((message as FilterMessage).mutations, path, problems)), // the registry goes by its type name
  compileRoute: (message: Message, path, problems) =>
    compileMutations((message as HeaderMutationPerRoute).mutations, path, problems), // likewise
};

function compileMutations(
  message: Mutations | undefined,
  path: string,
  problems: Problems,
): MessageMutations {
  const compile = (list: readonly MutationMessage[], field: string) =>
    list.flatMap(({ action }, i): HeaderMutation[] => {
      const at = `${path}.mutations.${field}[${i}]`;
      switch (action.case) {
        case "remove":
          return [{ add: [], remove: [action.value.toLowerCase()] }];
        case "append": {
          const mutation = compileHeaderAdditions([action.value], `${at}.append`, problems);
          return mutation === undefined ? [] : [mutation];
        }
        default:
          problems.error(at, "missing", "needs one of remove, append");
          return [];
      }
    });
  return {
    request: compile(message?.requestMutations ?? [], "request_mutations"),
    response: compile(message?.responseMutations ?? [], "response_mutations"),
  };
}
