import { formatObjectRef, type ObjectRef, type Problem } from "@weft/base";
import type { ObjectStatus } from "@weft/mesh-model";
import type { Rejection } from "../rejections.ts";

/** What is known of the objects of the mesh. */
export interface ObjectStatusInput {
  /** What sources, derivations and translation have to say. */
  readonly problems: readonly Problem[];
  /** What does not stand at proxies. */
  readonly rejections: readonly Rejection[];
  /** What a controller would write into objects of other APIs. */
  readonly statuses: readonly ObjectStatus[];
}

/** One object of `/debug/object_status`. */
export interface ObjectStatusEntry {
  /** `Kind namespace/name`; empty for what is about no object. */
  readonly object: string;
  /** `rejected`: not accepted, or a proxy lacks what was made of it; `warning`: a part has no effect; `ok`. */
  readonly state: "rejected" | "warning" | "ok";
  /** Why, for people. */
  readonly reasons: readonly string[];
  /** As its controller would write it. */
  readonly status?: Readonly<Record<string, unknown>>;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

function isCondition(value: object): value is Condition {
  return "type" in value && "status" in value && typeof value.status === "string";
}

/** Conditions wherever they stand in a status: of the object, its parents, its listeners. */
function conditionsIn(value: unknown): readonly Condition[] {
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.flatMap(conditionsIn);
  const nested = Object.values(value).flatMap(conditionsIn);
  return isCondition(value) ? [value, ...nested] : nested;
}

/** Conditions whose being true is bad. */
const adverse = ["Conflicted", "OverlappingTLSConfig"];

function isBad({ type, status }: Condition): boolean {
  return status === (adverse.includes(type) ? "True" : "False");
}

/** What is wrong with which object, and why; objects that have a status stand there even where nothing is. */
export function toObjectStatus({
  problems,
  rejections,
  statuses,
}: ObjectStatusInput): readonly ObjectStatusEntry[] {
  const found = new Map<string, ObjectStatusEntry & { reasons: string[] }>();
  const add = (ref: ObjectRef | undefined, state: ObjectStatusEntry["state"], reasons: readonly string[]) => {
    const object = ref ? formatObjectRef(ref) : "";
    const known = found.get(object) ?? { object, state: "ok", reasons: [] };
    const worse = known.state === "rejected" || state === "ok" ? known.state : state;
    const entry = { ...known, state: worse, reasons: [...new Set([...known.reasons, ...reasons])] };
    found.set(object, entry);
  };
  for (const { object, severity, path, message } of problems)
    add(object, severity === "error" ? "rejected" : "warning", [
      path === "" ? message : `${path}: ${message}`,
    ]);
  for (const { object, kind, resource, reason, proxyCount } of rejections) {
    const what = kind === "withheld" ? "withheld from" : "rejected by";
    add(object, "rejected", [`${resource || "a resource"} is ${what} ${proxyCount} proxies: ${reason}`]);
  }
  for (const { object, status } of statuses) {
    const bad = conditionsIn(status).filter(isBad);
    add(
      object,
      bad.length > 0 ? "rejected" : "ok",
      bad.map(({ type, status: is, reason, message }) =>
        [`${type}=${is}`, reason, message].filter(Boolean).join(": "),
      ),
    );
    const key = formatObjectRef(object);
    const entry = found.get(key);
    if (entry) found.set(key, { ...entry, status });
  }
  return [...found.values()].sort((a, b) => (a.object < b.object ? -1 : 1));
}
