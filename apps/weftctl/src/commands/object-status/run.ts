import type { Writable } from "node:stream";
import { fetchJson } from "../../mesh/fetch-json.ts";
import { findPilot } from "../../mesh/find-proxy.ts";
import { formatValue, type OutputFormat } from "../../output/format.ts";
import { formatTable } from "../../output/table.ts";

/** Flags of `object-status`. */
export interface ObjectStatusOptions {
  /** Where a local mesh's state is looked for. */
  readonly env: NodeJS.ProcessEnv;
  readonly output: OutputFormat;
  /** `host:port` of pilot-discovery's HTTP server. */
  readonly xdsAddress?: string;
}

/** One object in pilot's `/debug/object_status`. */
interface StatusEntry {
  readonly object: string;
  readonly state: "rejected" | "warning" | "ok";
  readonly reasons: readonly string[];
}

/** Whether an object (`Kind namespace/name`) is one of those asked for. */
function isAskedFor({ object }: StatusEntry, asked: string): boolean {
  const [kind = "", ...path] = asked.toLowerCase().split("/");
  const [ownKind = "", ownPath = ""] = object.toLowerCase().split(" ");
  if (kind !== ownKind) return false;
  return path.length === 0 || ownPath === path.join("/") || ownPath.endsWith(`/${path.join("/")}`);
}

/**
 * Prints which objects are not accepted or have no effect, and why; of objects that are named, also that they are sound. Returns the exit
 * code: 1 where one is rejected.
 */
export async function objectStatus(
  asked: string | undefined,
  { env, xdsAddress, output }: ObjectStatusOptions,
  out: Writable,
): Promise<number> {
  // Not needed, and so not loaded, where the address is given.
  const mesh = xdsAddress ? undefined : (await import("@weft/local-mesh")).findMeshState(env);
  const pilot = findPilot(mesh, xdsAddress);
  const all = (await fetchJson("pilot-discovery", pilot, "/debug/object_status")) as StatusEntry[]; // our own page's shape
  const entries = all.filter((entry) =>
    asked === undefined ? entry.state !== "ok" : isAskedFor(entry, asked),
  );
  if (output !== "short") out.write(await formatValue(entries, output));
  else if (entries.length === 0)
    out.write(asked === undefined ? "every object is in effect\n" : `nothing is known against ${asked}\n`);
  else out.write(toTable(entries));
  return entries.some(({ state }) => state === "rejected") ? 1 : 0;
}

/** A line for each reason; the object stands before its first. */
function toTable(entries: readonly StatusEntry[]): string {
  const rows = entries.flatMap(({ object, state, reasons: [first = "", ...others] }) => [
    [object || "-", state, first],
    ...others.map((reason) => ["", "", reason]),
  ]);
  return formatTable(["OBJECT", "STATE", "REASON"], rows);
}
