import { stableStringify } from "@weft/base";
import { createTwoFilesPatch } from "diff";
import { type Json, readConfigDump, text } from "../proxy-config/config-dump.ts";

/** One kind of resource, compared. */
interface Compared {
  readonly title: string;
  /** Resources by name, of pilot and of the proxy. */
  readonly pilot: readonly Json[];
  readonly proxy: readonly Json[];
}

/**
 * Compares what pilot would send with what the proxy has, both as config dumps: for each kind one line that says that they match, or a
 * unified diff. What the proxy has from its bootstrap alone is left out, as pilot knows nothing of it.
 */
export function compareDumps(
  pilotDump: unknown,
  proxyDump: unknown,
): { readonly text: string; readonly equal: boolean } {
  const pilot = readConfigDump(pilotDump);
  const proxy = readConfigDump(dynamicOnly(proxyDump));
  const loaded =
    proxy.routesUpdated === undefined
      ? ""
      : ` (RDS last loaded at ${new Date(proxy.routesUpdated).toUTCString()})`;
  const kinds: readonly (Compared & { readonly note: string })[] = [
    { title: "Clusters", note: "", pilot: pilot.clusters, proxy: proxy.clusters },
    { title: "Listeners", note: "", pilot: pilot.listeners, proxy: proxy.listeners },
    { title: "Routes", note: loaded, pilot: pilot.routes, proxy: proxy.routes },
  ];
  let equal = true;
  const parts = kinds.map((kind) => {
    const diff = compareKind(kind);
    if (diff === "") return `${kind.title} Match${kind.note}\n`;
    equal = false;
    return `${kind.title} Don't Match${kind.note}\n${diff}`;
  });
  return { text: parts.join(""), equal };
}

/** A unified diff of the resources that differ; empty where all are equal. */
function compareKind({ title, pilot, proxy }: Compared): string {
  const [left, right] = [byName(pilot), byName(proxy)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  const differing = names.filter((name) => left.get(name) !== right.get(name));
  if (differing.length === 0) return "";
  const side = (resources: ReadonlyMap<string, string>) =>
    differing.map((name) => (resources.has(name) ? pretty(resources.get(name) ?? "") : "")).join("");
  const patch = createTwoFilesPatch(`Pilot ${title}`, `Proxy ${title}`, side(left), side(right), "", "", {
    context: 7,
  });
  return patch.replace(/^=+\n/, "");
}

const byName = (resources: readonly Json[]): ReadonlyMap<string, string> =>
  new Map(resources.map((resource) => [text(resource.name), stableStringify(resource)]));

const pretty = (json: string) => `${JSON.stringify(JSON.parse(json), null, 2)}\n`;

/** The dump without the lists of static resources. */
function dynamicOnly(dump: unknown): unknown {
  const configs = (dump as { configs?: readonly Json[] } | null)?.configs; // readConfigDump says what is wrong with another shape
  if (!Array.isArray(configs)) return dump;
  return {
    configs: configs.map((config: Json) =>
      Object.fromEntries(Object.entries(config).filter(([field]) => !field.startsWith("static_"))),
    ),
  };
}
