import { assertNever } from "@weft/base";
import { CaError } from "../error.ts";

/**
 * Where a change of the root stands. Roots are named by their ids.
 *
 *     stable ──begin──▶ distributing ──switch──▶ switched ──finish──▶ stable, with the new root
 *        ◀───abort────      ◀──────back──────
 *
 * At every step each verifier that has the bundle of this step or of the one before can verify every leaf that is in use.
 */
export type RotationState =
  | { readonly phase: "stable"; readonly active: string }
  /** Both are trusted, the old one signs. */
  | { readonly phase: "distributing"; readonly active: string; readonly next: string }
  /** Both are trusted, the new one signs. */
  | { readonly phase: "switched"; readonly active: string; readonly previous: string };

/** A step. Whether the mesh is ready for it is for the caller to find out. */
export type RotationStep =
  | { readonly kind: "begin"; readonly next: string }
  | { readonly kind: "abort" }
  | { readonly kind: "switch" }
  | { readonly kind: "back" }
  | { readonly kind: "finish" };

/** The state after a step; throws `bad-rotation` for a step that the state does not allow. Pure. */
export function nextRotationState(state: RotationState, step: RotationStep): RotationState {
  const refuse = (allowed: RotationState["phase"]): never => {
    throw new CaError(
      "bad-rotation",
      `${step.kind}: the rotation is ${state.phase}, allowed when ${allowed}`,
    );
  };
  switch (step.kind) {
    case "begin":
      if (state.phase !== "stable") return refuse("stable");
      if (step.next === state.active) {
        throw new CaError("bad-rotation", "begin: the next root is the active one");
      }
      return { phase: "distributing", active: state.active, next: step.next };
    case "abort":
      if (state.phase !== "distributing") return refuse("distributing");
      return { phase: "stable", active: state.active };
    case "switch":
      if (state.phase !== "distributing") return refuse("distributing");
      return { phase: "switched", active: state.next, previous: state.active };
    case "back":
      if (state.phase !== "switched") return refuse("switched");
      return { phase: "distributing", active: state.previous, next: state.active };
    case "finish":
      if (state.phase !== "switched") return refuse("switched");
      return { phase: "stable", active: state.active };
    default:
      return assertNever(step);
  }
}

/** The roots that are trusted in a state; the one that signs comes first. */
export function trustedRoots(state: RotationState): readonly string[] {
  switch (state.phase) {
    case "stable":
      return [state.active];
    case "distributing":
      return [state.active, state.next];
    case "switched":
      return [state.active, state.previous];
    default:
      return assertNever(state);
  }
}

/** Writes a state for the storage. */
export function formatRotationState(state: RotationState): string {
  return `${JSON.stringify({ version: 1, ...state }, null, 2)}\n`;
}

/** Reads a state; throws `bad-material` where the text is of another form. */
export function parseRotationState(text: string): RotationState {
  const fail = (why: string): never => {
    throw new CaError("bad-material", `state of the root: ${why}`);
  };
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(text));
  } catch {
    return fail("not JSON");
  }
  if (value.version !== 1) fail(`version ${JSON.stringify(value.version)}, known is 1`);
  const id = (key: string): string => {
    const name = value[key];
    if (typeof name === "string" && /^[0-9a-f]{16}$/.test(name)) return name;
    return fail(`${key} is not the id of a root`);
  };
  switch (value.phase) {
    case "stable":
      return { phase: "stable", active: id("active") };
    case "distributing":
      return { phase: "distributing", active: id("active"), next: id("next") };
    case "switched":
      return { phase: "switched", active: id("active"), previous: id("previous") };
    default:
      return fail("phase is not stable, distributing or switched");
  }
}
