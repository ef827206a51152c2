import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HttpConnectionManager_TracingSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { CustomTagSchema } from "@weft/envoy-api/envoy/type/tracing/v3/custom_tag_pb.js";
import type { ProxyTraits } from "../ir/index.ts";

type Tag = MessageInitShape<typeof CustomTagSchema>;

/** What dry-run authorization policies would have decided, as the RBAC filter leaves it in metadata. */
const dryRun: readonly (readonly [tag: string, key: string])[] = [
  ["allow_policy.name", "allow_shadow_effective_policy_id"],
  ["allow_policy.result", "allow_shadow_engine_result"],
  ["deny_policy.name", "deny_shadow_effective_policy_id"],
  ["deny_policy.result", "deny_shadow_engine_result"],
];

const dryRunTags: readonly Tag[] = dryRun.map(([tag, key]) => ({
  tag: `istio.authorization.dry_run.${tag}`,
  type: {
    case: "metadata",
    value: {
      kind: { kind: { case: "request", value: {} } },
      metadataKey: {
        key: "envoy.filters.http.rbac",
        path: [{ segment: { case: "key", value: `istio_dry_run_${key}` } }],
      },
    },
  },
}));

/** Sampling (1 %, as Istio) and tags of traces, in the order of their names. */
export function tracing(traits: ProxyTraits): MessageInitShape<typeof HttpConnectionManager_TracingSchema> {
  const literals: readonly (readonly [string, string])[] = [
    ["canonical_revision", traits.canonicalRevision],
    ["canonical_service", traits.canonicalName],
    ["cluster_id", traits.clusterId],
    ["mesh_id", traits.meshId],
    ["namespace", traits.namespace],
  ];
  return {
    clientSampling: { value: 100 },
    randomSampling: { value: 1 },
    overallSampling: { value: 100 },
    customTags: [
      ...dryRunTags,
      // Envoy takes no empty tag.
      ...literals
        .filter(([, value]) => value !== "")
        .map(([name, value]): Tag => ({ tag: `istio.${name}`, type: { case: "literal", value: { value } } })),
    ],
  };
}
