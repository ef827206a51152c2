import type { HeaderOperations, Headers, HTTPHeaderFilter, HTTPRouteFilter } from "@weft/istio-api";

type Pairs = NonNullable<HTTPHeaderFilter["set"]>;

/** Changes of headers as VirtualServices have them; undefined where there are none. */
function toOperations({ set, add, remove }: HTTPHeaderFilter): HeaderOperations | undefined {
  const toMap = (pairs: Pairs | undefined) =>
    pairs && pairs.length > 0 ? Object.fromEntries(pairs.map(({ name, value }) => [name, value])) : undefined;
  const operations = {
    ...optional("set", toMap(set)),
    ...optional("add", toMap(add)),
    ...optional("remove", remove && remove.length > 0 ? remove : undefined),
  };
  return Object.keys(operations).length > 0 ? operations : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [k in K]?: V } {
  // The key is K: a computed key widens to string.
  return value === undefined ? {} : ({ [key]: value } as { readonly [k in K]?: V });
}

/** A filter that changes headers, as HTTPRoutes and GRPCRoutes have it. */
export type HeaderFilter = Pick<HTTPRouteFilter, "type" | "requestHeaderModifier" | "responseHeaderModifier">;

/** The header changes among filters; of two of one type the last counts. Undefined where there are none. */
export function headersOf(filters: readonly HeaderFilter[]): Headers | undefined {
  const find = (type: string) => filters.findLast((filter) => filter.type === type);
  const request = find("RequestHeaderModifier")?.requestHeaderModifier;
  const response = find("ResponseHeaderModifier")?.responseHeaderModifier;
  const headers = {
    ...optional("request", request && toOperations(request)),
    ...optional("response", response && toOperations(response)),
  };
  return Object.keys(headers).length > 0 ? headers : undefined;
}

/** Types of the filters that {@link headersOf} reads. */
export const headerFilterTypes: readonly string[] = ["RequestHeaderModifier", "ResponseHeaderModifier"];
