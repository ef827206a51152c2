import type { ObjectRef, Problem } from "@weft/base";
import { findKind, isIstioGroup, type Kind, kinds } from "./kinds.ts";
import {
  list,
  map,
  nonEmptyString,
  openMessage,
  required,
  type Schema,
  string,
  unsigned,
} from "./schema/schema.ts";
import { validate } from "./schema/validate.ts";

const ownerReference = openMessage({ kind: required(string()), name: required(string()) });

const allowedName = "allowed are up to 253 lower case letters, digits, - and ., not at an end";

/** What no name may hold: it would not be told from the parts of longer names. */
const unusableName = /[\s/~|;]|^$/;

const typeMeta = openMessage({ apiVersion: required(nonEmptyString()), kind: required(nonEmptyString()) });

const envelope = openMessage({
  metadata: required(
    openMessage({
      name: required(
        string((value) =>
          unusableName.test(value) || value.length > 253
            ? `"${value}" is not a name; ${allowedName}`
            : undefined,
        ),
      ),
      namespace: string(),
      labels: map(string()),
      annotations: map(string()),
      creationTimestamp: string(),
      generation: unsigned(Number.MAX_SAFE_INTEGER),
      resourceVersion: string(),
      ownerReferences: list(ownerReference),
    }),
  ),
});

/**
 * Validates the structure of an object of any kind: its metadata, and for the kinds Weft reads every field: unknown
 * fields, wrong types, words and numbers that are not allowed, missing fields, fields that exclude each other. Of
 * objects of other kinds nothing but apiVersion and kind is looked at. A name that only Kubernetes would refuse is a
 * warning; all else are errors.
 */
export function validateObject(object: unknown): readonly Problem[] {
  const ref = refOfUnknown(object);
  const errors = (schema: Schema, value: unknown): readonly Problem[] =>
    validate(schema, value).map((violation) => withRef({ severity: "error", ...violation }, ref));
  const untyped = errors(typeMeta, object);
  if (untyped.length > 0) return untyped;
  // Apart from its two strings, just checked, nothing is known of it yet.
  const { apiVersion, kind: kindName, metadata, ...body } = object as TypedObject;
  const found = lookUp(apiVersion, kindName);
  if (found === undefined) return [];
  if ("message" in found) return [withRef(found, ref)];
  const unnamed = errors(envelope, { metadata });
  return [...(unnamed.length > 0 ? unnamed : nameWarnings(ref)), ...errors(found.body, body)];
}

interface TypedObject extends Readonly<Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
}

function nameWarnings(ref: ObjectRef | undefined): readonly Problem[] {
  if (ref === undefined || /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(ref.name)) return [];
  const message = `"${ref.name}" is a name that Kubernetes would refuse; ${allowedName}`;
  return [withRef({ severity: "warning", code: "not-allowed", path: "metadata.name", message }, ref)];
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
