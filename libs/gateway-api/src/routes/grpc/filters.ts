import type { GRPCRouteFilter, HTTPRoute } from "@weft/istio-api";
import type { Failure } from "../../conditions.ts";
import type { RuleScope } from "../destinations.ts";
import { headerFilterTypes, headersOf } from "../headers.ts";
import { mirrorsOf } from "../mirrors.ts";

const types: readonly string[] = [...headerFilterTypes, "RequestMirror"];

/** Converts the filters of a GRPCRoute's rule. */
export function convertFilters(
  filters: readonly GRPCRouteFilter[],
  scope: RuleScope,
):
  | { readonly fields: Pick<HTTPRoute, "headers" | "mirrors">; readonly failure?: Failure | undefined }
  | { readonly rejected: Failure } {
  const unknown = filters.find(({ type }) => !types.includes(type));
  if (unknown) {
    const message = `unsupported filter type "${unknown.type}"; supported are ${types.join(", ")}`;
    return { rejected: { reason: "InvalidFilter", message } };
  }
  const headers = headersOf(filters);
  const { mirrors, failure } = mirrorsOf(filters, scope);
  const fields = { ...(headers ? { headers } : {}), ...(mirrors.length > 0 ? { mirrors } : {}) };
  return { fields, failure };
}
