import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Area, CaseResult, Outcome } from "../area.ts";
import { failed, passed, unsupported } from "../area.ts";
import { type Call, type CallResult, resultFields, type SimulationCase } from "../simulation/case.ts";
import { type CompiledMesh, compileMesh } from "../simulation/compiled-mesh.ts";
import { evaluateCall } from "../simulation/evaluate-call.ts";
import { reasonOf, resourcesFor } from "../simulation/proxy.ts";

/** `simulation/calls.json`: each call of each case is one case here. */
export const simulation: Area = {
  name: "simulation",
  folder: "simulation",
  *run(folder) {
    const { cases }: { cases: SimulationCase[] } = JSON.parse(
      readFileSync(join(folder, "calls.json"), "utf8"),
    );
    const seen = new Map<string, number>();
    for (const one of cases) {
      for (const { id, outcome } of runCase(one)) {
        // Upstream gives some calls of a case the same name.
        const count = (seen.get(id) ?? 0) + 1;
        seen.set(id, count);
        yield { id: count === 1 ? id : `${id}#${count}`, outcome };
      }
    }
  },
};

/** Switches of pilot for what Weft does without one. */
const carriedOut: ReadonlySet<string> = new Set(["EnableTLSOnSidecarIngress"]);

function* runCase(one: SimulationCase): Iterable<CaseResult> {
  const results = (outcome: Outcome) => one.calls.map(({ name }) => ({ id: `${one.id}/${name}`, outcome }));
  const unknownFeatures = Object.keys(one.features ?? {}).filter((name) => !carriedOut.has(name));
  if (unknownFeatures.length > 0) {
    yield* results(unsupported(`feature switches ${unknownFeatures.join(", ")}`));
    return;
  }
  let mesh: CompiledMesh;
  try {
    mesh = compileCase(one);
  } catch (cause) {
    yield* results(failed(reasonOf(cause)));
    return;
  }
  for (const { name, call, result } of one.calls) {
    yield { id: `${one.id}/${name}`, outcome: judge(mesh, call, result, one.proxy.type ?? "sidecar") };
  }
}

function compileCase({ config, kubeConfig, proxy, meshConfig }: SimulationCase): CompiledMesh {
  return compileMesh(
    resourcesFor({ texts: [kubeConfig, config], proxy, ...(meshConfig ? { meshConfig } : {}) }),
  );
}

function judge(mesh: CompiledMesh, call: Call, want: CallResult, type: "sidecar" | "router"): Outcome {
  let got: CallResult;
  try {
    got = evaluateCall(mesh, call, type);
  } catch (cause) {
    return failed(reasonOf(cause));
  }
  for (const field of resultFields) {
    // An error is always compared: a call that should go through must not fail.
    const counts = field === "error" || want.strictMatch === true || (want[field] ?? "") !== "";
    if (counts && !agree(want[field] ?? "", got[field] ?? "")) {
      return failed(
        `${field}: wanted ${want[field] ?? "none"}, got ${got[field] ?? "none"} (${JSON.stringify(got)})`,
      );
    }
  }
  return passed;
}

/**
 * Upstream's cases run without a DNS domain, so that a short host comes out as `name.namespace`; here it has the
 * domain it would have in a cluster.
 */
function agree(want: string, got: string): boolean {
  return want === got || (/\|[^.|]+\.[^.|]+$/.test(want) && `${want}.svc.cluster.local` === got);
}
