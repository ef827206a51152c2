import type { TrustReport } from "@weft/identity";
import type { CaState, Holder } from "./mesh-trust.ts";
import { abortRotation, LaggingError, type RotationOptions, rotateRoot, type Step } from "./rotate-root.ts";

const [a, b] = ["a".repeat(64), "b".repeat(64)];
const notAfter = Date.UTC(2030, 0, 1);
const stable: CaState = { phase: "stable", signer: a, roots: [a] };

/** citadel's rules, in little. */
function after(state: CaState, step: Step): CaState {
  const [other = b] = state.roots.filter((root) => root !== state.signer);
  switch (`${state.phase} ${step}`) {
    case "stable begin":
      return { phase: "distributing", signer: state.signer, roots: [a, b] };
    case "distributing switch":
      return { phase: "switched", signer: other, roots: [a, b] };
    case "switched back":
      return { phase: "distributing", signer: other, roots: [a, b] };
    case "switched finish":
    case "distributing abort":
      return { phase: "stable", signer: state.signer, roots: [state.signer] };
    default:
      throw new Error(`${step}: the rotation is ${state.phase}`);
  }
}

/** A mesh whose proxies follow the CA one look later, unless they are stuck; a failed request is any pair that cannot verify each other. */
function createMesh(
  options: { state?: CaState; stuck?: readonly string[]; silent?: readonly string[]; failAt?: Step } = {},
) {
  const { stuck = [], silent = [] } = options;
  let state = options.state ?? stable;
  const trusts = new Map<string, TrustReport>(
    ["pilot", "web", "api"].map((name) => [name, { roots: state.roots, signedBy: state.signer, notAfter }]),
  );
  let time = 0;
  let failed = 0;
  const steps: Step[] = [];
  const lines: string[] = [];
  const look = () => {
    for (const name of trusts.keys())
      if (!stuck.includes(name)) trusts.set(name, { roots: state.roots, signedBy: state.signer, notAfter });
  };
  const verify = () => {
    for (const one of trusts.values())
      for (const other of trusts.values()) if (!one.roots.includes(other.signedBy)) failed++;
  };
  const rotation: RotationOptions = {
    ca: {
      state: async () => state,
      step: async (step, signer) => {
        if (signer !== state.signer) throw new Error("another certificate signs now");
        state = after(state, step);
        steps.push(step);
        // Whoever is slow still has what it had.
        verify();
        if (step === options.failAt) throw new Error("cut off");
        return state;
      },
    },
    holders: async () => {
      const holders: Holder[] = [...trusts].map(([name, trust]) => ({
        name,
        trust: silent.includes(name) ? undefined : trust,
      }));
      look();
      verify();
      return holders;
    },
    ignored: new Set(),
    waitMs: 5_000,
    everyMs: 500,
    report: (line) => lines.push(line),
    now: () => time,
    sleep: async (ms) => {
      time += ms;
    },
  };
  return { rotation, steps, lines, state: () => state, failed: () => failed };
}

describe("rotateRoot()", () => {
  it("goes through all steps, and nobody is ever shown what it cannot verify", async () => {
    const { rotation, steps, state, failed } = createMesh();
    await rotateRoot(rotation);
    expect(steps).toEqual(["begin", "switch", "finish"]);
    expect(state()).toEqual({ phase: "stable", signer: b, roots: [b] });
    expect(failed()).toBe(0);
  });

  it.each<[Step, readonly Step[]]>([
    ["begin", ["begin", "switch", "finish"]],
    ["switch", ["begin", "switch", "finish"]],
    ["finish", ["begin", "switch", "finish"]],
  ])("is taken up where it was cut off: after %s", async (failAt, all) => {
    const { rotation, steps, state, failed } = createMesh({ failAt });
    await expect(rotateRoot(rotation)).rejects.toThrow("cut off");
    if (failAt !== "finish") await rotateRoot(rotation);
    expect(steps).toEqual(all);
    expect(state().roots).toEqual([b]);
    expect(failed()).toBe(0);
  });

  it.each([
    ["that is stuck", { stuck: ["api"] }, `\n  api has no root ${"b".repeat(12)}`],
    ["that does not say what it has", { silent: ["api"] }, "\n  api does not say what it has"],
  ])("does not switch while there is a proxy %s, and names it", async (_what, options, named) => {
    const { rotation, steps, failed } = createMesh(options);
    const error = await rotateRoot(rotation).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LaggingError);
    expect((error as LaggingError).message).toContain(named);
    expect((error as LaggingError).lagging).toHaveLength(1);
    expect(steps).toEqual(["begin"]);
    expect(failed()).toBe(0);
  });

  it("does not drop the old root while somebody shows a certificate of it, unless told to ignore that", async () => {
    const switched: CaState = { phase: "switched", signer: b, roots: [a, b] };
    const { rotation, steps } = createMesh({ state: switched, silent: ["web"] });
    await expect(rotateRoot(rotation)).rejects.toThrow("not ready for finish: 1 without a new certificate");
    expect(steps).toEqual([]);
    await rotateRoot({ ...rotation, ignored: new Set(["web"]) });
    expect(steps).toEqual(["finish"]);
  });

  it("misses whoever was there a moment ago", async () => {
    const { rotation, steps } = createMesh();
    let looks = 0;
    const holders = async () => {
      const all = await rotation.holders();
      looks++;
      // There at the first look, away at those after.
      return looks === 1 ? all : all.filter(({ name }) => name !== "web");
    };
    await expect(rotateRoot({ ...rotation, holders })).rejects.toThrow("web does not say what it has");
    expect(steps).toEqual(["begin"]);
  });

  it("tells what it waits for, each thing once", async () => {
    const { rotation, lines } = createMesh({ stuck: ["api"] });
    await rotateRoot(rotation).catch(() => {});
    expect(lines.filter((line) => line.includes("api"))).toHaveLength(2);
  });
});

describe("abortRotation()", () => {
  it.each<[string, CaState, readonly Step[]]>([
    ["nothing", stable, []],
    [
      "a new root that somebody does not have",
      { phase: "distributing", signer: a, roots: [a, b] },
      ["abort"],
    ],
    ["a new root that signs", { phase: "switched", signer: b, roots: [a, b] }, ["back", "abort"]],
  ])("takes %s back", async (_what, state, all) => {
    const mesh = createMesh({ state });
    await abortRotation(mesh.rotation);
    expect(mesh.steps).toEqual(all);
    expect(mesh.state()).toEqual(stable);
    expect(mesh.failed()).toBe(0);
  });

  it("keeps the new root while somebody shows a certificate of it", async () => {
    const { rotation, steps } = createMesh({
      state: { phase: "switched", signer: b, roots: [a, b] },
      stuck: ["web"],
    });
    await expect(abortRotation(rotation)).rejects.toThrow(`web has a certificate of root ${"b".repeat(12)}`);
    expect(steps).toEqual(["back"]);
  });
});
