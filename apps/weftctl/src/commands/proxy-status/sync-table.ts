import { formatTable } from "../../output/table.ts";

/** One proxy in pilot's `/debug/syncz`. */
export interface SyncEntry {
  readonly cluster_id?: string;
  readonly proxy?: string;
  readonly istio_version?: string;
  readonly pilot?: string;
  /** What the proxy rejected, by type. */
  readonly nacks?: Readonly<Record<string, string>>;
  /** `cluster_sent`, `cluster_acked` and so on: nonces. */
  readonly [nonce: string]: unknown;
}

/** The columns that tell how far a type is, and the prefix of its nonces. */
const types: readonly (readonly [column: string, prefix: string])[] = [
  ["CDS", "cluster"],
  ["LDS", "listener"],
  ["EDS", "endpoint"],
  ["RDS", "route"],
  ["ECDS", "extensionconfig"],
];

/** istioctl's words: nothing was sent, what was sent was accepted, or it was not (yet). */
export function syncWord(sent: unknown, acked: unknown): string {
  if (typeof sent !== "string" || sent === "") return "NOT SENT";
  if (typeof acked !== "string" || acked === "") return "STALE (Never Acknowledged)";
  return sent === acked ? "SYNCED" : "STALE";
}

/** Of what goes by one column, the word that is furthest from being in sync. */
function worst(words: readonly string[]): string {
  return words.find((word) => word.startsWith("STALE")) ?? words[0] ?? "";
}

/** The table of `proxy-status`, with istioctl's columns, and below it what proxies rejected. */
export function syncTable(entries: readonly SyncEntry[]): string {
  const sorted = [...entries].sort((a, b) => ((a.proxy ?? "") < (b.proxy ?? "") ? -1 : 1));
  const rows = sorted.map((entry) => [
    entry.proxy ?? "",
    entry.cluster_id ?? "",
    ...types.map(([column, prefix]) => {
      // Virtual hosts that are resources of their own are routes all the same.
      const hosts = column === "RDS" && entry.virtualhost_sent !== undefined ? ["virtualhost"] : [];
      const word = worst(
        [prefix, ...hosts].map((one) => syncWord(entry[`${one}_sent`], entry[`${one}_acked`])),
      );
      const rejected = [column.toLowerCase(), ...(column === "RDS" ? ["vhds"] : [])];
      if (rejected.every((type) => entry.nacks?.[type] === undefined)) return word;
      // What came with the rejected was sent again without it, and accepted.
      return `${word === "SYNCED" ? "STALE" : word} (NACK)`;
    }),
    entry.pilot ?? "",
    entry.istio_version ?? "-",
  ]);
  const table = formatTable(
    ["NAME", "CLUSTER", ...types.map(([column]) => column), "ISTIOD", "VERSION"],
    rows,
  );
  const nacks = sorted.flatMap((entry) =>
    Object.entries(entry.nacks ?? {}).map(
      ([type, message]) => `${entry.proxy} rejected ${type}: ${message}\n`,
    ),
  );
  return nacks.length === 0 ? table : `${table}\n${nacks.join("")}`;
}
