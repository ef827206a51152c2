export { type ApplyOptions, applyIptables, cleanUpIptables, type RunCommand } from "./iptables/apply.ts";
export {
  defaultIptablesConfig,
  type InterceptionMode,
  type IptablesConfig,
  type IptablesFlags,
  readIptablesFlags,
} from "./iptables/config.ts";
export { formatRestore } from "./iptables/restore.ts";
export { buildRules, type Family, type Rule, type Table } from "./iptables/rules.ts";
export { AnnotationError, isQuantity } from "./pod/annotations.ts";
export { injectPod } from "./pod/inject.ts";
export { readInjectPath } from "./pod/inject-path.ts";
export { otelResourceAttributes } from "./pod/otel.ts";
export { mergesMetrics, scrapeConfiguration } from "./pod/prometheus.ts";
export {
  type InjectionPolicy,
  ignoredNamespaces,
  injectionRequired,
  type LabelSelector,
} from "./pod/required.ts";
export { withNetwork } from "./pod/sidecar-template.ts";
export type {
  Container,
  InjectionInput,
  InjectionMeshConfig,
  InjectionValues,
  Json,
  Pod,
  PodMetadata,
  PodSpec,
  Workload,
} from "./pod/types.ts";
export { type InjectionSettings, injectObject, workloadOfPod } from "./pod/workloads.ts";
