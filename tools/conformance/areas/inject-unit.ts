import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type InjectionPolicy,
  type InjectionValues,
  injectionRequired,
  injectPod,
  isQuantity,
  type Json,
  mergesMetrics,
  otelResourceAttributes,
  type Pod,
  readInjectPath,
  scrapeConfiguration,
  withNetwork,
} from "@weft/injection";
import { type Area, type CaseResult, failed, passed, unsupported } from "../area.ts";
import { firstDifference } from "../first-difference.ts";

// biome-ignore lint/suspicious/noExplicitAny: each table has fields of its own, as JSON
type UnitCase = Readonly<Record<string, any>> & { readonly id?: string };

/** What a test of upstream's wants, and what comes of it here; undefined where it is about something that is not here. */
type Judge = (one: UnitCase, folder: string) => readonly [wanted: unknown, got: unknown] | undefined;

const judges: Readonly<Record<string, Judge>> = {
  TestInjectRequired: ({ config, podSpec, meta, want }) => [
    want,
    injectionRequired(config as InjectionPolicy, podSpec, meta),
  ],
  TestAppendMultusNetwork: (one) => [one.want, withNetwork(one.in as string, "istio-cni")],
  TestNativeSidecarAnnotationOverride: ({ annotations, nativeSidecar, expectContainer }, folder) => {
    const pod = inject({ metadata: { annotations } }, nativeSidecar, folder);
    const spec = (pod.spec ?? {}) as Readonly<Record<string, readonly Json[]>>;
    const has = (field: string) => (spec[field] ?? []).some(({ name }) => name === "istio-proxy");
    return [
      expectContainer,
      has("initContainers") ? "initContainers" : has("containers") ? "containers" : "none",
    ];
  },
  TestEnablePrometheusAggregation: ({ mesh, anno, want }) => [want, mergesMetrics(mesh ?? {}, anno ?? {})],
  TestGetPrometheusScrapeConfigurationMultiTarget: (one) => {
    const { targets, port, path } = scrapeConfiguration(one.annotations ?? {});
    const wanted = {
      targets: one.wantTargets,
      ...(one.wantPort ? { port: one.wantPort, path: one.wantPath } : {}),
    };
    return [wanted, { targets, ...(one.wantPort ? { port, path } : {}) }];
  },
  TestParseInjectEnvs: (one) => [one.want, readInjectPath(one.in as string)],
  TestValidateAnnotations: ({ annotations, wantErr }, folder) => [
    wantErr ?? false,
    throws(() => inject({ metadata: { annotations } }, true, folder)),
  ],
  TestValidateResourceQuantity: ({ value, wantErr }) => [wantErr, !isQuantity(value)],
  TestOtelResourceAttributes: ({ mc, namespace, labels, annotations, containers, want }) => [
    want,
    otelResourceAttributes(mc, { metadata: { labels, annotations }, spec: { containers } }, namespace),
  ],
};

/** Tables of upstream's unit tests of its injector. */
export const injectUnit: Area = {
  name: "inject-unit",
  folder: "inject-unit",
  *run(folder): Iterable<CaseResult> {
    const file = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as Readonly<
      Record<string, unknown>
    >;
    const tables = (file.cases ?? file) as Readonly<Record<string, unknown>>;
    for (const [test, cases] of Object.entries(tables)) {
      if (!Array.isArray(cases)) continue;
      for (const [index, one] of (cases as readonly UnitCase[]).entries()) {
        const id = one.id ?? `${test}/${index}`;
        const both = judges[test]?.(one, folder);
        if (both === undefined) {
          yield { id, outcome: unsupported(`${test} is about a part that is not here`) };
          continue;
        }
        const difference = firstDifference(...both);
        yield { id, outcome: difference === undefined ? passed : failed(difference) };
      }
    }
  },
};

function inject(pod: Pod, nativeSidecars: boolean, folder: string): Pod {
  const values = JSON.parse(
    readFileSync(join(folder, "../inject/context.values-defaults.json"), "utf8"),
  ) as InjectionValues;
  const workload = { name: "app", namespace: "default", apiVersion: "apps/v1", kind: "Deployment" };
  const spec = { containers: [{ name: "app" }] };
  return injectPod({ pod: { ...pod, spec }, workload, values, mesh: {}, nativeSidecars });
}

function throws(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}
