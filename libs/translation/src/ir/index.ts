import type { MeshConfig } from "@weft/istio-api";
import type { Backend, LoadAssignment } from "./backend.ts";
import type { Extension } from "./extension.ts";
import type { Listener } from "./listener.ts";
import type { RouteTable } from "./route.ts";
import type { ProxyTelemetry } from "./telemetry.ts";

export * from "./authentication.ts";
export * from "./backend.ts";
export * from "./extension.ts";
export * from "./listener.ts";
export * from "./policy.ts";
export * from "./route.ts";
export * from "./telemetry.ts";
export * from "./tls.ts";

/**
 * What one proxy is to do, in Weft's own words: no Envoy types, no Kubernetes types. In parts, because most of it is
 * the same for many proxies: a part that is shared is the same object for all of them.
 */
export interface ProxyIr {
  readonly proxy: ProxyTraits;
  readonly parts: readonly IrPart[];
}

/** A part of what a proxy is to do. Names are unique across the parts of one proxy. */
export interface IrPart {
  readonly backends: readonly Backend[];
  readonly loadAssignments: readonly LoadAssignment[];
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteTable[];
}

/** What the shape of the output depends on besides the view: equal traits and equal views give equal resources. */
export interface ProxyTraits {
  /** True for Istio's own Envoy build, which has filters that stock Envoy has not. */
  readonly istioExtensions: boolean;
  /** True for other proxies that take `envoy.filters.http.set_filter_state`, the stand-in for Istio's ALPN filter. */
  readonly setsFilterState: boolean;
  /** True for Istio's agent, which hands out key files as secrets; others' proxies read files themselves. */
  readonly agentServesFiles: boolean;
  /** Telemetry labels of the proxy's workload. */
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly namespace: string;
  readonly clusterId: string;
  readonly meshId: string;
  /** Code of users that it runs, in order. */
  readonly extensions: readonly Extension[];
  /** What it tells of its traffic. */
  readonly telemetry: ProxyTelemetry;
  /** What is done to paths before policies and routes look at them. */
  readonly pathNormalization: MeshConfig["pathNormalization"];
}
