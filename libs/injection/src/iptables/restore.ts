import type { Rule, Table } from "./rules.ts";

const tables: readonly Table[] = ["raw", "mangle", "nat"];

/** Chains of the kernel; all others are made, and removed. */
const builtIn: readonly string[] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** The chains that rules are in or jump to, in the order of their first mention, without the kernel's. */
function chainsOf(rules: readonly Rule[]): readonly string[] {
  return [...new Set(rules.map(({ chain }) => chain))].filter((chain) => !builtIn.includes(chain));
}

/** What is in the kernel, and which of it is to go. */
export interface Before {
  /** What `iptables-save` prints. */
  readonly saved: string;
  /** Rules that an earlier run has made, for those in the kernel's own chains that jump to no chain of ours. */
  readonly rules: readonly Rule[];
}

/**
 * The input of `iptables-restore --noflush` that makes the rules: what an earlier run has left goes first, in the same
 * transaction of its table, so that applying twice gives the same as once.
 */
export function formatRestore(rules: readonly Rule[], before: Before = { saved: "", rules: [] }): string {
  return tables
    .map((table) => {
      const own = rules.filter((rule) => rule.table === table);
      const lines = [
        ...removal(before, table),
        ...chainsOf(own).map((chain) => `-N ${chain}`),
        ...own.map(({ chain, args }) => `-A ${chain} ${args}`),
      ];
      return lines.length === 0 ? "" : [`* ${table}`, ...lines, "COMMIT", ""].join("\n");
    })
    .join("");
}

/** Lines that remove our chains and the jumps to them from one table. */
function removal({ saved, rules }: Before, table: Table): readonly string[] {
  const lines = tableOf(saved, table);
  const chains = lines.flatMap((line) => /^:(ISTIO_\S+)/.exec(line)?.[1] ?? []);
  const made = new Set(
    rules.filter((rule) => rule.table === table).map(({ chain, args }) => `-A ${chain} ${args}`),
  );
  const ours = (line: string) =>
    made.has(line) || chains.includes(/ -j (\S+)/.exec(line)?.[1] ?? "") || loopbackMark.test(line);
  return [
    ...lines
      .filter((line) => /^-A (?!ISTIO_)/.test(line) && ours(line))
      .map((line) => line.replace("-A", "-D")),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
  ];
}

/** The mark of TPROXY's answers, as the kernel writes the rule. */
const loopbackMark = /^-A OUTPUT -s (\S+) ! -d \1 -p tcp -j MARK --set-xmark /;

/** The lines of one table in the output of `iptables-save`. */
export function tableOf(saved: string, table: Table): readonly string[] {
  const lines = saved.split("\n");
  const start = lines.indexOf(`*${table}`);
  if (start < 0) return [];
  const end = lines.indexOf("COMMIT", start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}
