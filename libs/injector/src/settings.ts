import type { InjectionMeshConfig, InjectionPolicy, InjectionValues, Pod } from "@weft/injection";
import { parse } from "yaml";
import type { InjectorSettings } from "./review-pod.ts";

/** The values where no ConfigMap says otherwise: Weft's images, citadel and pilot in `istio-system`. */
export const defaultValues: InjectionValues = {
  global: {
    hub: "weft",
    tag: "latest",
    istioNamespace: "istio-system",
    imagePullPolicy: "IfNotPresent",
    caAddress: "istio-citadel.istio-system.svc:15012",
    proxy: {
      image: "proxy",
      clusterDomain: "cluster.local",
      includeIPRanges: "*",
      includeInboundPorts: "*",
      readinessPeriodSeconds: 15,
      readinessFailureThreshold: 4,
      startupProbe: { enabled: true, failureThreshold: 600 },
      resources: { requests: { cpu: "10m", memory: "96Mi" }, limits: { memory: "1Gi" } },
      seccompProfile: { type: "RuntimeDefault" },
    },
  },
  sidecarInjectorWebhook: { rewriteAppHTTPProbe: true },
};

/** Data of the two ConfigMaps that settings are in; undefined: there is none. */
export interface SettingsData {
  /** `istio-sidecar-injector`: `config` and `values`. */
  readonly injector?: Readonly<Record<string, string>> | undefined;
  /** `istio`: `mesh`. */
  readonly mesh?: Readonly<Record<string, string>> | undefined;
}

/** What is the same however the ConfigMaps change. */
export interface SettingsBase {
  readonly revision: string;
  readonly nativeSidecars: boolean;
}

/** A ConfigMap that cannot be read: which key of it, and why. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/**
 * Puts the settings together: what `values` says over {@link defaultValues}, the policy, further templates (overlays of
 * a pod, in YAML), and the mesh's configuration.
 * @throws SettingsError
 */
export function readSettings({ injector, mesh }: SettingsData, base: SettingsBase): InjectorSettings {
  const config = parseObject("istio-sidecar-injector: config", injector?.config);
  const values = parseObject("istio-sidecar-injector: values", injector?.values);
  const { templates = {}, defaultTemplates, policy = "enabled" } = config;
  if (!isObject(templates)) {
    throw new SettingsError("ConfigMap istio-sidecar-injector: config: templates: must be an object");
  }
  return {
    ...base,
    values: merge(defaultValues, values) as InjectionValues, // The defaults hold all that has to be there.
    mesh: parseObject("istio: mesh", mesh?.mesh) as InjectionMeshConfig,
    policy: { ...config, policy } as InjectionPolicy, // What it does not understand injects nothing.
    templates: Object.fromEntries(
      Object.entries(templates).map(([name, template]) => [name, readTemplate(name, template)] as const),
    ),
    defaultTemplates: Array.isArray(defaultTemplates) ? defaultTemplates.map(String) : ["sidecar"],
  };
}

function readTemplate(name: string, template: unknown): Pod {
  if (isObject(template)) return template;
  return parseObject(`istio-sidecar-injector: config: templates.${name}`, String(template));
}

function parseObject(what: string, text: string | undefined): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parse(text ?? "") ?? {};
  } catch (cause) {
    const [reason] = String(cause instanceof Error ? cause.message : cause).split("\n");
    throw new SettingsError(`ConfigMap ${what}: cannot be read: ${reason}`, { cause });
  }
  if (isObject(value)) return value;
  throw new SettingsError(`ConfigMap ${what}: must be an object`);
}

/** Objects are merged, anything else is replaced. */
function merge(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) merged[name] = merge(merged[name], value);
  return merged;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
