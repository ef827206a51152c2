import type { ObjectRef, Problem } from "@weft/base";
import { findKind, isIstioGroup, type Kind, kinds } from "./kinds.ts";
import { list, map, openMessage, required, string, unsigned } from "./schema/schema.ts";
import { validate } from "./schema/validate.ts";

const ownerReference = openMessage({ kind: required(string()), name: required(string()) });

const envelope = openMessage({
  apiVersion: required(string((value) => (value === "" ? "must not be empty" : undefined))),
  kind: required(string((value) => (value === "" ? "must not be empty" : undefined))),
  metadata: required(
    openMessage({
      name: required(
        string((value) =>
          /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value) && value.length <= 253
            ? undefined
            : `"${value}" is not a name; allowed are up to 253 lower case letters, digits, - and ., not at an end`,
        ),
      ),
      namespace: string(),
      labels: map(string()),
      annotations: map(string()),
      generation: unsigned(Number.MAX_SAFE_INTEGER),
      ownerReferences: list(ownerReference),
    }),
  ),
});

/**
 * Validates the structure of an object of any kind: its metadata, and for the kinds Weft reads every field: unknown
 * fields, wrong types, words and numbers that are not allowed, missing fields, fields that exclude each other.
 * Objects of kinds it does not read have no problems beyond their metadata.
 */
export function validateObject(object: unknown): readonly Problem[] {
  const problems = validate(envelope, object).map(
    (violation): Problem => ({
      severity: "error",
      ...violation,
    }),
  );
  if (problems.length > 0) return problems.map((problem) => withRef(problem, refOfUnknown(object)));
  // The envelope has been checked just above.
  const {
    apiVersion,
    kind: kindName,
    metadata,
    ...body
  } = object as Record<string, unknown> & {
    readonly apiVersion: string;
    readonly kind: string;
  };
  const ref = refOfUnknown(object);
  const found = lookUp(apiVersion, kindName);
  if (found === undefined) return [];
  if ("message" in found) return [withRef(found, ref)];
  return validate(found.body, body).map((violation) => withRef({ severity: "error", ...violation }, ref));
}

function lookUp(apiVersion: string, kindName: string): Kind | Problem | undefined {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  const kind = findKind(group, kindName);
  if (kind?.versions.includes(version)) return kind;
  if (kind && isIstioGroup(group)) {
    const allowed = kind.versions.map((served) => `${group}/${served}`).join(", ");
    const message = `"${apiVersion}" is not a version of ${kindName}; allowed are ${allowed}`;
    return { severity: "error", code: "unknown-version", path: "apiVersion", message };
  }
  const ofGroup = kinds.filter((candidate) => candidate.group === group);
  if (kind || !isIstioGroup(group) || ofGroup.length === 0) return undefined;
  const message = `"${kindName}" is not a kind of ${group}; allowed are ${ofGroup.map((k) => k.kind).join(", ")}`;
  return { severity: "error", code: "unknown-kind", path: "kind", message };
}

function withRef(problem: Problem, object: ObjectRef | undefined): Problem {
  return object ? { ...problem, object } : problem;
}

/** As much of a reference as an object that may hold anything gives. */
function refOfUnknown(value: unknown): ObjectRef | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const { name, namespace } = (typeof metadata === "object" && metadata !== null ? metadata : {}) as Record<
    string,
    unknown
  >;
  const ref = { apiVersion, kind, name: typeof name === "string" ? name : "" };
  return typeof namespace === "string" && namespace !== "" ? { ...ref, namespace } : ref;
}
