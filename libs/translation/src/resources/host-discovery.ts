import { type EncodedResource, hostDiscoveryField, type TypeUrl, typeUrls } from "@weft/envoy-api";
import type { ProxyView } from "@weft/mesh-model";
import { mayChangeTable } from "../envoy-filter/index.ts";
import type { Selection } from "../envoy-filter/select.ts";
import type { IrPart } from "../ir/index.ts";
import type { IdentityMemo } from "../memo.ts";
import type { TableChoice } from "./encode.ts";
import { type ResourceList, toResourceList } from "./resource-list.ts";
import { type SplitTable, splitEncoded } from "./split-table.ts";

type Lists = ReadonlyMap<TypeUrl, readonly ResourceList[]>;

/** Whether a proxy asks for virtual hosts as resources. */
export function discoversHosts({ node }: ProxyView): boolean {
  return node.type === "sidecar" && String(node.metadata[hostDiscoveryField]) === "true";
}

/** How the tables of a proxy that takes virtual hosts as resources come apart. */
export interface HostDiscovery {
  /** Those that are split as they are encoded: no patch is for them. */
  readonly untouched: TableChoice;
  /** The lists, with the tables split that were encoded whole for their patches. */
  splitPatched(lists: Lists): Lists;
}

/** How a proxy gets the virtual hosts of these parts as resources; undefined where it gets whole tables. */
export function hostDiscoveryFor(
  view: ProxyView,
  { patches }: Selection,
  { parts, memo }: { readonly parts: readonly IrPart[]; readonly memo: IdentityMemo },
): HostDiscovery | undefined {
  if (!discoversHosts(view)) return undefined;
  const patched = new Set(
    parts.flatMap(({ routes }) =>
      routes
        .filter(({ manyHosts, name }) => manyHosts && patches.some((patch) => mayChangeTable(patch, name)))
        .map(({ name }) => name),
    ),
  );
  return {
    untouched: {
      key: `all but ${[...patched].join()}`,
      has: ({ manyHosts, name }) => manyHosts === true && !patched.has(name),
    },
    splitPatched: (lists) => (patched.size === 0 ? lists : splitLists(lists, patched, memo)),
  };
}

function splitLists(lists: Lists, names: ReadonlySet<string>, memo: IdentityMemo): Lists {
  const hosts = lists.get(typeUrls.virtualHost) ?? [];
  const split = (table: EncodedResource): SplitTable =>
    names.has(table.name)
      ? memo.get([table], "split-patched", () => splitEncoded(table))
      : { head: table, hosts: [] };
  const result = (lists.get(typeUrls.route) ?? []).map((list, index) =>
    memo.get([list, hosts[index]], `split-patched|${[...names].join()}`, () => {
      const tables = list.resources.map(split);
      return {
        routes: toResourceList(tables.map(({ head }) => head)),
        hosts: toResourceList([
          ...(hosts[index]?.resources ?? []),
          ...tables.flatMap((table) => table.hosts),
        ]),
      };
    }),
  );
  return new Map(lists)
    .set(
      typeUrls.route,
      result.map(({ routes }) => routes),
    )
    .set(
      typeUrls.virtualHost,
      result.map((each) => each.hosts),
    );
}
