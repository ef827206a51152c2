import type { TrustReport } from "@weft/identity";

/** How far a change of the root is; see `RotationState` of @weft/ca. */
export type RotationPhase = "stable" | "distributing" | "switched";

/** What the CA says of its roots. */
export interface CaState {
  readonly phase: RotationPhase;
  /** Fingerprint of the certificate that signs. */
  readonly signer: string;
  /** Fingerprints of all roots that are trusted. */
  readonly roots: readonly string[];
}

/** A proxy, or a pilot: whoever verifies others and is verified. */
export interface Holder {
  readonly name: string;
  /** Undefined where it does not say. */
  readonly trust: TrustReport | undefined;
}

/** What everybody must have before the next step. */
export type Goal =
  /** All roots, so that certificates of either can be verified. */
  | "all roots"
  /** A certificate of the root that signs now, so that the other root is of no more use. */
  | "a new certificate";

/** Someone who has not come so far, and what is missing. */
export interface Lagging {
  readonly name: string;
  readonly why: string;
}

/** A fingerprint as people read it. */
export function shortRoot(fingerprint: string): string {
  return fingerprint.slice(0, 12);
}

/** Who keeps the change from its next step. */
export function laggingOf(holders: readonly Holder[], state: CaState, goal: Goal): readonly Lagging[] {
  return holders.flatMap(({ name, trust }) => {
    const why = whyLagging(trust, state, goal);
    return why === undefined ? [] : [{ name, why }];
  });
}

function whyLagging(trust: TrustReport | undefined, state: CaState, goal: Goal): string | undefined {
  if (trust === undefined) return "does not say what it has";
  const needed = goal === "all roots" ? state.roots : [state.signer];
  const missing = needed.filter((root) => !trust.roots.includes(root));
  if (missing.length > 0) return `has no root ${missing.map(shortRoot).join(", ")}`;
  if (goal === "all roots" || trust.signedBy === state.signer) return undefined;
  const until = new Date(trust.notAfter).toISOString();
  return `has a certificate of root ${shortRoot(trust.signedBy)} until ${until}`;
}

/** Remembers who was there, so that nobody is overlooked who is just away: a stream that is opened anew, a pilot that starts again. */
export function createAttendance(goneMs: number): {
  /** Everybody who is there or was within `goneMs`; those who are away say nothing. `now`: monotonic, milliseconds. */
  with(present: readonly Holder[], now: number): readonly Holder[];
} {
  const seen = new Map<string, number>();
  return {
    with: (present, now) => {
      for (const { name } of present) seen.set(name, now);
      for (const [name, at] of seen) if (now - at > goneMs) seen.delete(name);
      const there = new Set(present.map(({ name }) => name));
      const away = [...seen.keys()].filter((name) => !there.has(name));
      return [...present, ...away.map((name) => ({ name, trust: undefined }))];
    },
  };
}
