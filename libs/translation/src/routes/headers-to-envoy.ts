import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOptionSchema,
} from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { RouteSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { HeaderChanges } from "../ir/index.ts";

type EnvoyRoute = MessageInitShape<typeof RouteSchema>;

/** Headers to put in place of others, then headers to add: an added one joins one that was set. */
function toHeaderOptions(changes: HeaderChanges): MessageInitShape<typeof HeaderValueOptionSchema>[] {
  return [
    ...changes.set.map(({ name, value }) => ({
      header: { key: name, value },
      appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    })),
    ...changes.add.map(({ name, value }) => ({
      header: { key: name, value },
      appendAction: AppendAction.APPEND_IF_EXISTS_OR_ADD,
    })),
  ];
}

/** The fields of a route, a weighted cluster or a virtual host that change headers. */
export function headerFields(
  request: HeaderChanges | undefined,
  response: HeaderChanges | undefined,
): Pick<
  EnvoyRoute & object,
  "requestHeadersToAdd" | "requestHeadersToRemove" | "responseHeadersToAdd" | "responseHeadersToRemove"
> {
  return {
    ...(request
      ? { requestHeadersToAdd: toHeaderOptions(request), requestHeadersToRemove: [...request.remove] }
      : {}),
    ...(response
      ? { responseHeadersToAdd: toHeaderOptions(response), responseHeadersToRemove: [...response.remove] }
      : {}),
  };
}
