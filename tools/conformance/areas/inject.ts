import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type InjectionSettings, type InjectionValues, injectObject, type Json } from "@weft/injection";
import { parse, parseAllDocuments } from "yaml";
import { type Area, failed, type Outcome, passed, unsupported } from "../area.ts";
import { firstDifference } from "../first-difference.ts";

interface InjectCase {
  readonly id: string;
  readonly in: string;
  readonly want?: string;
  readonly expectedError?: string;
  readonly setFlags?: readonly string[];
  readonly istioOperatorFile?: string;
  readonly meshConfigOverlay?: Json;
  readonly features?: Readonly<Record<string, string>>;
  readonly nodeVersions?: readonly string[];
}

/** Files of workloads, injected as a whole, against what upstream's templates make of them. */
export const inject: Area = {
  name: "inject",
  folder: "inject",
  *run(folder) {
    const { cases } = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as {
      readonly cases: readonly InjectCase[];
    };
    const seen = new Map<string, number>();
    for (const one of cases) {
      const times = (seen.get(one.id) ?? 0) + 1;
      seen.set(one.id, times);
      yield { id: times === 1 ? one.id : `${one.id}#${times}`, outcome: judge(folder, one) };
    }
  },
};

function judge(folder: string, one: InjectCase): Outcome {
  if (one.features?.["env:PLATFORM"] === "openshift") return unsupported("OpenShift");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const settings = settingsOf(one, read);
  const documents = (text: string) =>
    [...parseAllDocuments(text)]
      .map((document) => document.toJS() as Json | null)
      .filter((value) => value !== null);
  try {
    const got = documents(read(one.in)).map((object) => injectObject(object, settings));
    if (one.expectedError !== undefined) return failed(`wanted an error with "${one.expectedError}"`);
    const difference = firstDifference(normal(documents(read(one.want ?? one.id))), normal(got));
    return difference === undefined ? passed : failed(difference);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (one.expectedError === undefined) return failed(`threw ${message}`);
    return message.toLowerCase().includes(one.expectedError)
      ? passed
      : failed(`wanted an error with "${one.expectedError}", got: ${message}`);
  }
}

function settingsOf(one: InjectCase, read: (name: string) => string): InjectionSettings {
  let values = JSON.parse(read("context.values-defaults.json")) as Json;
  if (one.istioOperatorFile !== undefined) {
    const operator = parse(read(one.istioOperatorFile)) as { readonly spec?: { readonly values?: Json } };
    values = merge(values, operator.spec?.values ?? {});
  }
  for (const flag of one.setFlags ?? []) values = merge(values, flagValues(flag));
  const cni = values.cni as Json | undefined;
  const webhook = values.sidecarInjectorWebhook as { readonly templates?: Readonly<Record<string, string>> };
  const templates = Object.entries(webhook.templates ?? {}).map(
    ([name, text]) => [name, parse(text)] as const,
  );
  const old =
    one.features?.EnableNativeSidecars === "NativeSidecarModeDisabled" ||
    one.nodeVersions?.includes("v1.28.0");
  return {
    values: { ...values, pilot: { cni } } as unknown as InjectionValues, // Istio's chart, whose fields these are.
    mesh: merge({ trustDomain: "cluster.local" }, one.meshConfigOverlay ?? {}),
    nativeSidecars: !old,
    templates: Object.fromEntries(templates),
  };
}

/** `values.global.proxy.statusPort=123` as an object; `components.cni.enabled` is the chart's `cni.enabled`. */
function flagValues(flag: string): Json {
  const equals = flag.indexOf("=");
  const path = flag.slice(0, equals).replace(/^values\.|^components\./, "");
  const text = flag.slice(equals + 1);
  const value = text === "true" ? true : text === "false" ? false : /^\d+$/.test(text) ? Number(text) : text;
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Json;
}

/** Values over values, as Helm does: null takes one away. */
function merge(base: Json, over: Json): Json {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const before = merged[name];
    if (value === null) delete merged[name];
    else merged[name] = isObject(before) && isObject(value) ? merge(before, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields that Go writes though they are empty. */
const emptyInGo: readonly string[] = [
  "status",
  "metadata",
  "strategy",
  "resources",
  "updateStrategy",
  "securityContext",
  "template",
];

/** Fields of OpenShift's kinds that are left out where they are zero. */
const zeroInGo: readonly string[] = ["test", "paused", "minReadySeconds"];

/** An object as it is compared: without what is empty in Go, quantities in one form, JSON in texts by its value. */
function normal(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => normal(item));
  if (typeof value === "string") {
    if (/^\s*[[{]/.test(value) && name !== "command") {
      try {
        return { json: normal(JSON.parse(value)) };
      } catch {
        return value;
      }
    }
    return value;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, inner]) => {
    if (inner === null) return [];
    if (key === "creationTimestamp" || key === "emptyDir")
      return key === "emptyDir" ? [[key, inner] as const] : [];
    const plain = key === "limits" || key === "requests" ? quantities(inner) : normal(inner, key);
    if (emptyInGo.includes(key) && isObject(plain) && Object.values(plain).every(isZero)) return [];
    if (zeroInGo.includes(key) && isZero(plain)) return [];
    return [[key, plain] as const];
  });
  return Object.fromEntries(entries);
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "" || value === false;
}

function quantities(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, quantity(String(text))]));
}

const units: Readonly<Record<string, number>> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
};

function quantity(text: string): number | string {
  const match = /^([\d.]+)([a-zA-Z]*)$/.exec(text);
  const unit = units[match?.[2] ?? ""];
  return match && unit !== undefined ? Number(match[1]) * unit : text;
}
