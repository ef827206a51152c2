import type { Step } from "./step.ts";

/** What is aimed at, and what istiod 1.29 needs on two cores; of 1,000 services and 100 proxies. Milliseconds and MB. */
interface Reference {
  readonly goal: Partial<Step>;
  readonly istiod: Partial<Step>;
}

/** Memory and holds are the same for all steps. */
const everywhere = { goal: { rssMb: 250, heldMs: 50 }, istiod: { rssMb: 840 } };

const references: Readonly<Record<string, Reference>> = {
  "connect, cold": { goal: { ms: 4_000, cpuMs: 5_000 }, istiod: { ms: 8_500, cpuMs: 15_600 } },
  "connect, warm": { goal: { ms: 1_000, cpuMs: 1_200 }, istiod: { ms: 2_300, cpuMs: 3_000 } },
  VirtualService: {
    goal: { ms: 60, sentMb: 1, cpuMs: 100 },
    istiod: { ms: 1_450, sentMb: 519, cpuMs: 2_000 },
  },
  EndpointSlice: { goal: { ms: 20 }, istiod: { ms: 119 } },
  "new service": { goal: { ms: 100, sentMb: 2 }, istiod: {} },
};

const columns: readonly (readonly [
  title: string,
  of: keyof Step & ("ms" | "sentMb" | "cpuMs" | "rssMb" | "heldMs"),
])[] = [
  ["last proxy ms", "ms"],
  ["sent MB", "sentMb"],
  ["CPU ms", "cpuMs"],
  ["RSS MB", "rssMb"],
  ["loop held ms", "heldMs"],
];

const format = (value: number | undefined): string =>
  value === undefined ? "–" : value < 10 ? value.toFixed(2) : value.toFixed(0);

/** A line for each step; with `compare`, beside each figure the goal and istiod's: `12 (≤ 20, istiod 119)`. */
export function formatTable(steps: readonly Step[], compare: boolean): string {
  const cell = (step: Step, of: (typeof columns)[number][1]): string => {
    const { goal, istiod } = references[step.name] ?? { goal: {}, istiod: {} };
    const aim = goal[of] ?? everywhere.goal[of as "rssMb"];
    const theirs = istiod[of] ?? everywhere.istiod[of as "rssMb"];
    const notes = [
      aim === undefined ? [] : `≤ ${aim}`,
      theirs === undefined ? [] : `istiod ${theirs}`,
    ].flat();
    return format(step[of]) + (compare && notes.length > 0 ? ` (${notes.join(", ")})` : "");
  };
  const lines = [
    ["", ...columns.map(([title]) => title)],
    ...steps.map((step) => [step.name, ...columns.map(([, of]) => cell(step, of))]),
  ];
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
