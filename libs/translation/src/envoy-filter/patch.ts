import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { ObjectRef } from "@weft/base";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { TypedExtensionConfigSchema } from "@weft/envoy-api/envoy/config/core/v3/extension_pb.js";
import {
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteSchema, VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { HttpFilterSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { EnvoyConfigObjectMatch } from "@weft/istio-api";

/** What a patch may apply to, with the Envoy type of its value. */
export const targets = {
  LISTENER: ListenerSchema,
  LISTENER_FILTER: ListenerFilterSchema,
  FILTER_CHAIN: FilterChainSchema,
  NETWORK_FILTER: FilterSchema,
  HTTP_FILTER: HttpFilterSchema,
  ROUTE_CONFIGURATION: RouteConfigurationSchema,
  VIRTUAL_HOST: VirtualHostSchema,
  HTTP_ROUTE: RouteSchema,
  CLUSTER: ClusterSchema,
  EXTENSION_CONFIG: TypedExtensionConfigSchema,
} as const satisfies Readonly<Record<string, DescMessage>>;

/** What a patch may apply to. */
export type ApplyTo = keyof typeof targets;

/** What a patch does. */
export type Operation =
  | "MERGE"
  | "MERGE_AND_REPLACE_LIST"
  | "ADD"
  | "REMOVE"
  | "INSERT_BEFORE"
  | "INSERT_AFTER"
  | "INSERT_FIRST"
  | "REPLACE";

/** Whose traffic a resource serves. */
export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";

/** One entry of an EnvoyFilter's `configPatches`, read. */
export interface Patch {
  /** The EnvoyFilter it is of. */
  readonly object: ObjectRef;
  /** `spec.configPatches[INDEX]` */
  readonly path: string;
  readonly applyTo: ApplyTo;
  readonly operation: Operation;
  readonly match: EnvoyConfigObjectMatch;
  /** Where ADD puts a filter among those of the control plane. */
  readonly filterClass: "AUTHN" | "AUTHZ" | "STATS" | undefined;
  /** Of the type in {@link targets}; absent for REMOVE. Shared: copy it before use. */
  readonly value: Message | undefined;
}

/** Patches of one context at work on one resource. */
export interface PatchRun {
  readonly context: PatchContext;
  /** In the order they apply. */
  readonly patches: readonly Patch[];
  /** Takes the patches that had an effect. */
  readonly used: Set<Patch>;
}

/** Whether a patch is for resources of a context; one that names none is for all. */
export function isForContext({ match }: Patch, context: PatchContext): boolean {
  return match.context === undefined || match.context === "ANY" || match.context === context;
}

/** The patches of a run that apply to a kind of thing. */
export function patchesTo(run: PatchRun, applyTo: ApplyTo): readonly Patch[] {
  return run.patches.filter((patch) => patch.applyTo === applyTo && isForContext(patch, run.context));
}

/** Whether a patch merges its value into what is there. */
export function isMerge({ operation }: Patch): boolean {
  return operation === "MERGE" || operation === "MERGE_AND_REPLACE_LIST";
}
