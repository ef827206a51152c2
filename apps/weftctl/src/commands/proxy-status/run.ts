import type { Writable } from "node:stream";
import { fetchJson } from "../../mesh/fetch-json.ts";
import { findPilot, findProxy } from "../../mesh/find-proxy.ts";
import { formatValue, type OutputFormat } from "../../output/format.ts";
import { compareDumps } from "./compare.ts";
import { type SyncEntry, syncTable } from "./sync-table.ts";

/** Flags of `proxy-status`. */
export interface ProxyStatusOptions {
  /** Where a local mesh's state is looked for. */
  readonly env: NodeJS.ProcessEnv;
  readonly output: OutputFormat;
  /** `host:port` of pilot-discovery's HTTP server. */
  readonly xdsAddress?: string;
  readonly proxyAdmin?: string;
}

/**
 * Prints how far every proxy is; with a name the differences between what pilot would send to that proxy and what it has. Returns the exit
 * code: 1 where they differ.
 */
export async function proxyStatus(
  name: string | undefined,
  options: ProxyStatusOptions,
  out: Writable,
): Promise<number> {
  const { env, xdsAddress, proxyAdmin, output } = options;
  const given = xdsAddress !== undefined && (name === undefined || proxyAdmin !== undefined);
  // Not needed, and so not loaded, where the addresses are given.
  const mesh = given ? undefined : (await import("@weft/local-mesh")).findMeshState(env);
  const pilot = findPilot(mesh, xdsAddress);
  if (name === undefined) {
    const entries = (await fetchJson("pilot-discovery", pilot, "/debug/syncz")) as SyncEntry[]; // our own page's shape
    out.write(output === "short" ? syncTable(entries) : await formatValue(entries, output));
    return 0;
  }
  const proxy = findProxy(mesh, name, proxyAdmin);
  const [wanted, had] = await Promise.all([
    fetchJson("pilot-discovery", pilot, `/debug/config_dump?proxyID=${encodeURIComponent(proxy.name)}`),
    fetchJson(`proxy ${proxy.name}`, proxy.admin, "/config_dump"),
  ]);
  const { text, equal } = compareDumps(wanted, had);
  out.write(text);
  return equal ? 0 : 1;
}
