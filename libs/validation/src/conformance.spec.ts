import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "@weft/base";
import { validateObject } from "@weft/istio-api";
import type { MeshObject } from "@weft/mesh-model";
import { validateConfig } from "./validate-config.ts";

/** The cases of Istio's own validators, where this machine has them. */
const folder = join(
  process.env.WEFT_SHARED ?? join(process.cwd(), "../shared"),
  "conformance/validation-webhook",
);

interface Case {
  readonly id: string;
  readonly name: string;
  readonly valid: boolean;
  readonly warning: boolean | null;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata?: { readonly namespace?: string };
    readonly spec: unknown;
  };
}

/** Kinds whose meaning is checked. */
const kinds = ["VirtualService", "DestinationRule", "Gateway", "Sidecar", "ServiceEntry"];

/** What does not agree, and why. Shrinking this is progress; growing it needs a reason. */
const knownFailures: Readonly<Record<string, string>> = {
  "TestValidateTlsOptions/007":
    "three certificates: the CRD allows two, so that the API server refuses it earlier",
  "TestValidateTlsOptions/026":
    "three certificates: the CRD allows two, so that the API server refuses it earlier",
  "TestValidateVirtualService/021":
    "no warning of matches that earlier ones make unreachable: a matter of analysis",
};

function readCases(): readonly Case[] {
  const file = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as { cases: readonly Case[] };
  return file.cases.filter(({ object }) => kinds.includes(object.kind));
}

function problemsOf({ object }: Case): readonly Problem[] {
  const { apiVersion, kind, spec } = object;
  const metadata = { name: "case", namespace: "default", labels: {}, annotations: {}, ...object.metadata };
  const structural = validateObject({ ...object, metadata });
  if (structural.length > 0) return structural;
  const meshObject: MeshObject = { apiVersion, kind, metadata, body: { spec } };
  return validateConfig(meshObject);
}

function agrees(testCase: Case): boolean {
  const problems = problemsOf(testCase);
  const valid = !problems.some(({ severity }) => severity === "error");
  if (valid !== testCase.valid) return false;
  if (testCase.warning === null || !testCase.valid) return true;
  return problems.some(({ severity }) => severity === "warning") === testCase.warning;
}

const describeWhere = existsSync(folder) ? describe : describe.skip;

describeWhere("conformance with Istio's validators", () => {
  it("agrees but for the known failures", () => {
    const cases = readCases();
    const failures = cases.filter((testCase) => !agrees(testCase)).map(({ id }) => id);
    const stale = Object.keys(knownFailures).filter(
      (id) => cases.some((c) => c.id === id) && !failures.includes(id),
    );
    expect(cases.length).toBeGreaterThan(100);
    expect(failures.filter((id) => knownFailures[id] === undefined)).toEqual([]);
    expect(stale).toEqual([]);
  });
});
