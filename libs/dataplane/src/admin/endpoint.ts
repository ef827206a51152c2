import type { Clock } from "@weft/base";
import type { Bootstrap } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Logger } from "@weft/observability";
import type { ClusterManager } from "../cluster/index.ts";
import type { IstioMetrics } from "../istio-metrics/index.ts";
import type { ListenerManager } from "../listener/index.ts";
import type { SocketAddress } from "../runtime/connection.ts";
import type { StatsStore, TagRule } from "../stats/index.ts";
import type { SecretStore } from "../tls/index.ts";
import type { Resources } from "../xds/index.ts";

/** What the admin API reads and does. */
export interface AdminOptions {
  /** Where to listen; port 0 for any that is free. */
  readonly address: SocketAddress;
  readonly bootstrap: Bootstrap;
  readonly node: Node;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stats: StatsStore;
  readonly istioMetrics: IstioMetrics;
  readonly tagRules: readonly TagRule[];
  readonly clusters: ClusterManager;
  readonly listeners: ListenerManager;
  readonly resources: Resources;
  readonly secrets: SecretStore;
  readonly commandLine: Readonly<Record<string, string | number | boolean>>;
  readonly drainTimeMs: number;
  /** `LIVE`, `PRE_INITIALIZING` … */
  readonly state: () => string;
  /** Makes `/ready` say DRAINING, or takes that back. */
  readonly failHealthCheck: (failed: boolean) => void;
  /** Ends the process. */
  readonly quit: () => void;
}

/** Facts about the process that `/server_info` shows. */
export interface ServerInfo {
  /** Options by Envoy's names in `command_line_options`. */
  readonly commandLine: AdminOptions["commandLine"];
}

/** A request, as handlers see it. */
export interface AdminRequest {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** A handler's answer: text, or a value that is written as JSON; 200 unless told. */
export type AdminReply =
  | { readonly status?: number; readonly text: string; readonly contentType?: string }
  | { readonly status?: number; readonly json: unknown };

/** One path of the admin API. */
export interface AdminEndpoint {
  readonly path: string;
  readonly help: string;
  /** Changes state: POST only, as in Envoy. */
  readonly mutates?: boolean;
  handle(request: AdminRequest, options: AdminOptions): AdminReply | Promise<AdminReply>;
}

/** `true` for `?name`, `?name=true` and the like. */
export function isGiven(query: URLSearchParams, name: string): boolean {
  return query.has(name) && query.get(name) !== "false";
}

/** The regex of a query parameter; a reply that says what is wrong with it. */
export function regexOf(query: URLSearchParams, name: string): RegExp | undefined | AdminReply {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    return { status: 400, text: `Invalid regex in ${name}: ${(error as Error).message}\n` };
  }
}
