import {
  type CaState,
  createAttendance,
  type Goal,
  type Holder,
  type Lagging,
  laggingOf,
  shortRoot,
} from "./mesh-trust.ts";

/** A step of a change of the root, in citadel's words. */
export type Step = "begin" | "switch" | "finish" | "back" | "abort";

/** What the change of a root works with. */
export interface RotationOptions {
  readonly ca: {
    state(): Promise<CaState>;
    /** `signer`: as it was last seen. Rejects where the CA's state allows no such step, or somebody else has changed it. */
    step(step: Step, signer: string): Promise<CaState>;
  };
  /** Proxies and pilots, and what they say that they have. */
  readonly holders: () => Promise<readonly Holder[]>;
  /** Names of those who are not waited for. */
  readonly ignored: ReadonlySet<string>;
  /** Longest time to wait before each step, milliseconds. */
  readonly waitMs: number;
  /** Time between two looks, milliseconds. */
  readonly everyMs: number;
  /** Told what is done, a line each. */
  readonly report: (line: string) => void;
  /** Monotonic, milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** Somebody keeps the change from its next step; the message names them. */
export class LaggingError extends Error {
  readonly code = "lagging";
  readonly lagging: readonly Lagging[];
  constructor(step: Step, goal: Goal, lagging: readonly Lagging[]) {
    const shown = lagging.slice(0, 20).map(({ name, why }) => `\n  ${name} ${why}`);
    const more = lagging.length > shown.length ? `\n  and ${lagging.length - shown.length} more` : "";
    super(
      `not ready for ${step}: ${lagging.length} without ${goal}; nothing was changed, run it again to go on${shown.join("")}${more}`,
    );
    this.lagging = lagging;
  }
}

/** Time for which whoever was seen is missed when it is away. */
const goneMs = 60_000;

/**
 * Changes the root while the mesh runs: both roots to everybody, sign by the new one, new certificates for everybody, drop the old root.
 * Each step is stored by the CA before it holds, so that a run that was cut off is taken up where it was. Throws {@link LaggingError}
 * where somebody has not come far enough in time.
 */
export async function rotateRoot(options: RotationOptions): Promise<void> {
  const { ca, report } = options;
  let state = await ca.state();
  if (state.phase === "stable") {
    state = await ca.step("begin", state.signer);
    report(`root ${otherRoot(state)} is made, and trusted beside ${shortRoot(state.signer)}, which signs`);
  } else report(`taking up a change of the root that is ${state.phase}`);
  if (state.phase === "distributing") {
    state = await stepWhenReady(options, state, { step: "switch", goal: "all roots" });
    report(`root ${shortRoot(state.signer)} signs from now on`);
  }
  const old = otherRoot(state);
  state = await stepWhenReady(options, state, { step: "finish", goal: "a new certificate" });
  report(`root ${old} is dropped; the root is ${shortRoot(state.signer)}`);
}

/** Takes a change back: signs by the old root again, new certificates of that for everybody, drops the new root. */
export async function abortRotation(options: RotationOptions): Promise<void> {
  const { ca, report } = options;
  let state = await ca.state();
  if (state.phase === "stable") {
    report("no change of the root is under way");
    return;
  }
  if (state.phase === "switched") {
    state = await ca.step("back", state.signer);
    report(`root ${shortRoot(state.signer)} signs again`);
  }
  const dropped = otherRoot(state);
  state = await stepWhenReady(options, state, { step: "abort", goal: "a new certificate" });
  report(`root ${dropped} is dropped; the root is ${shortRoot(state.signer)}, as before`);
}

/** The one of two roots that does not sign. */
function otherRoot({ roots, signer }: CaState): string {
  return roots
    .filter((root) => root !== signer)
    .map(shortRoot)
    .join(", ");
}

async function stepWhenReady(
  options: RotationOptions,
  state: CaState,
  { step, goal }: { readonly step: Step; readonly goal: Goal },
): Promise<CaState> {
  const { ca, holders, ignored, waitMs, everyMs, report, now, sleep } = options;
  const attendance = createAttendance(goneMs);
  const deadline = now() + waitMs;
  let told = "";
  for (;;) {
    const everybody = attendance.with(await holders(), now());
    const lagging = laggingOf(everybody, state, goal).filter(({ name }) => !ignored.has(name));
    if (lagging.length === 0) {
      report(`${everybody.length} proxies and pilots have ${goal}`);
      return ca.step(step, state.signer);
    }
    if (now() >= deadline) throw new LaggingError(step, goal, lagging);
    const names = lagging.slice(0, 3).map(({ name }) => name);
    const line = `waiting for ${lagging.length} of ${everybody.length} to have ${goal}: ${names.join(", ")}${lagging.length > 3 ? " …" : ""}`;
    if (line !== told) report(line);
    told = line;
    await sleep(Math.min(everyMs, Math.max(0, deadline - now())));
  }
}
