import type { JsonValue } from "@bufbuild/protobuf";
import type { ObjectRef, Problem } from "@weft/base";
import { EnvoyJsonError } from "@weft/envoy-api";
import type { EnvoyConfigObjectPatch, EnvoyFilter } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import { ProblemList, type Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { type ApplyTo, type Operation, type Patch, targets } from "./patch.ts";
import { readValue } from "./value.ts";

/** An EnvoyFilter whose values are Envoy's messages. What cannot be read is left out, and a problem says why. */
export interface ReadFilter {
  readonly patches: readonly Patch[];
  readonly problems: readonly Problem[];
}

const matchOf: Readonly<Record<ApplyTo, "listener" | "routeConfiguration" | "cluster" | undefined>> = {
  LISTENER: "listener",
  LISTENER_FILTER: "listener",
  FILTER_CHAIN: "listener",
  NETWORK_FILTER: "listener",
  HTTP_FILTER: "listener",
  ROUTE_CONFIGURATION: "routeConfiguration",
  VIRTUAL_HOST: "routeConfiguration",
  HTTP_ROUTE: "routeConfiguration",
  CLUSTER: "cluster",
  EXTENSION_CONFIG: undefined,
};

/** What can be inserted next to another: everything else that is inserted is added. */
const placed: readonly ApplyTo[] = ["LISTENER_FILTER", "NETWORK_FILTER", "HTTP_FILTER", "HTTP_ROUTE"];
const merging: readonly Operation[] = ["MERGE", "MERGE_AND_REPLACE_LIST"];
const adding: readonly Operation[] = ["ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST"];
const lists: readonly Operation[] = ["REMOVE", "REPLACE", ...adding, ...merging];

/** What may be done to each; Istio has no effect for the rest. */
const allowed: Readonly<Record<ApplyTo, readonly Operation[]>> = {
  LISTENER: ["ADD", "REMOVE", ...merging],
  LISTENER_FILTER: lists,
  FILTER_CHAIN: ["ADD", "REMOVE", ...merging],
  NETWORK_FILTER: lists,
  HTTP_FILTER: lists,
  ROUTE_CONFIGURATION: merging,
  VIRTUAL_HOST: ["ADD", "REMOVE", "REPLACE", ...merging],
  HTTP_ROUTE: ["ADD", "REMOVE", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", ...merging],
  CLUSTER: ["ADD", "REMOVE", ...merging],
  EXTENSION_CONFIG: ["ADD"],
};

function isRegex(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

/** Why a patch cannot be carried out, with the path of the reason; undefined where it can. */
function refusal(
  applyTo: ApplyTo,
  operation: Operation,
  { match, patch }: EnvoyConfigObjectPatch,
): readonly [path: string, message: string] | undefined {
  const wanted = matchOf[applyTo];
  const other = (["listener", "routeConfiguration", "cluster"] as const).find(
    (kind) => kind !== wanted && match?.[kind] !== undefined,
  );
  if (other !== undefined) return [`match.${other}`, `a ${applyTo} is not matched by ${other}`];
  if (match?.context === "WAYPOINT") return ["match.context", "there are no waypoints"];
  const version = match?.proxy?.proxyVersion;
  if (version && !isRegex(version))
    return ["match.proxy.proxyVersion", `${version} is no regular expression`];
  if (!allowed[applyTo].includes(operation))
    return [
      "patch.operation",
      `${operation} does not apply to ${applyTo}; allowed are ${allowed[applyTo].join(", ")}`,
    ];
  if (operation !== "REMOVE" && patch?.value === undefined)
    return ["patch.value", `${operation} needs a value`];
  return undefined;
}

function readPatch(entry: EnvoyConfigObjectPatch, path: string, report: Reporter): Patch | undefined {
  const { applyTo, match = {}, patch } = entry;
  if (applyTo === "BOOTSTRAP") {
    report.unsupported(`${path}.applyTo`, "a patch of the bootstrap, which the agent writes,");
    return undefined;
  }
  if (applyTo === undefined || applyTo === "INVALID" || !patch?.operation || patch.operation === "INVALID") {
    report.warn("invalid-patch", path, "a patch needs applyTo and patch.operation; it has no effect");
    return undefined;
  }
  const inserts = patch.operation.startsWith("INSERT_") && !placed.includes(applyTo);
  const operation = inserts ? "ADD" : patch.operation;
  const refused = refusal(applyTo, operation, entry);
  if (refused !== undefined) {
    report.warn("invalid-patch", `${path}.${refused[0]}`, `${refused[1]}; the patch has no effect`);
    return undefined;
  }
  const { filterClass } = patch;
  try {
    return {
      object: report.object,
      path,
      applyTo,
      operation,
      match,
      filterClass: filterClass === "UNSPECIFIED" ? undefined : filterClass,
      value: operation === "REMOVE" ? undefined : readValue(targets[applyTo], patch.value as JsonValue), // from YAML
    };
  } catch (error) {
    if (!(error instanceof EnvoyJsonError)) throw error;
    report.warn("invalid-patch", `${path}.patch.value`, `${error.message}; the patch has no effect`);
    return undefined;
  }
}

/** Reads an EnvoyFilter. */
export function readEnvoyFilter(config: Config<EnvoyFilter>): ReadFilter {
  const problems = new ProblemList();
  const object: ObjectRef = configRef(config);
  const report = problems.for(object);
  const patches = (config.spec.configPatches ?? []).flatMap((entry, index) => {
    const patch = readPatch(entry, `spec.configPatches[${index}]`, report);
    return patch ? [patch] : [];
  });
  return { patches, problems: problems.all() };
}
