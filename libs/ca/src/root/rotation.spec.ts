import fc from "fast-check";
import { CaError } from "../error.ts";
import {
  formatRotationState,
  nextRotationState,
  parseRotationState,
  type RotationState,
  type RotationStep,
  trustedRoots,
} from "./rotation.ts";

const a = "a".repeat(16);
const b = "b".repeat(16);
const stable: RotationState = { phase: "stable", active: a };
const distributing: RotationState = { phase: "distributing", active: a, next: b };
const switched: RotationState = { phase: "switched", active: b, previous: a };

describe("nextRotationState()", () => {
  it.each<[RotationState, RotationStep, RotationState]>([
    [stable, { kind: "begin", next: b }, distributing],
    [distributing, { kind: "abort" }, stable],
    [distributing, { kind: "switch" }, switched],
    [switched, { kind: "back" }, distributing],
    [switched, { kind: "finish" }, { phase: "stable", active: b }],
  ])("from %j by %j", (from, step, to) => {
    expect(nextRotationState(from, step)).toEqual(to);
  });

  it.each<[RotationState, RotationStep, string]>([
    [stable, { kind: "switch" }, "switch: the rotation is stable, allowed when distributing"],
    [stable, { kind: "finish" }, "finish: the rotation is stable, allowed when switched"],
    [stable, { kind: "begin", next: a }, "the next root is the active one"],
    [distributing, { kind: "begin", next: b }, "allowed when stable"],
    [distributing, { kind: "finish" }, "allowed when switched"],
    [distributing, { kind: "back" }, "allowed when switched"],
    [switched, { kind: "abort" }, "allowed when distributing"],
    [switched, { kind: "switch" }, "allowed when distributing"],
  ])("refuses from %j: %j", (from, step, why) => {
    expect(() => nextRotationState(from, step)).toThrow(why);
  });

  it("never has a signer that the bundle of the step before does not trust, nor drops the signer of the step before", () => {
    const steps = fc.constantFrom("begin", "abort", "switch", "back", "finish");
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), (list) => {
        let state: RotationState = stable;
        for (const [index, kind] of list.entries()) {
          let next: RotationState;
          try {
            const id = (index + 1).toString(16).padStart(16, "0");
            next = nextRotationState(state, kind === "begin" ? { kind, next: id } : { kind });
          } catch (error) {
            expect(error).toBeInstanceOf(CaError);
            continue;
          }
          expect(trustedRoots(next)[0]).toBe(next.active);
          expect(trustedRoots(state)).toContain(next.active);
          expect(trustedRoots(next)).toContain(state.active);
          expect(parseRotationState(formatRotationState(next))).toEqual(next);
          state = next;
        }
      }),
    );
  });
});

describe("parseRotationState()", () => {
  it.each([
    ["", "not JSON"],
    ["null", "version undefined, known is 1"],
    ['{"version":2}', "version 2"],
    ['{"version":1,"phase":"x"}', "phase is not"],
    ['{"version":1,"phase":"stable","active":"../../etc"}', "active is not the id of a root"],
    [`{"version":1,"phase":"switched","active":"${a}"}`, "previous is not the id of a root"],
  ])("refuses %j", (text, why) => {
    expect(() => parseRotationState(text)).toThrow(why);
  });
});
