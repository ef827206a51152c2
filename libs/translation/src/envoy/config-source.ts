import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ConfigSourceSchema,
} from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import type { SdsSecretConfigSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { toDuration } from "./scalars.ts";

/** The stream the proxy already has; it waits for the first answer as long as it takes. */
export const ads: MessageInitShape<typeof ConfigSourceSchema> = {
  configSourceSpecifier: { case: "ads", value: {} },
  initialFetchTimeout: toDuration(0),
  resourceApiVersion: ApiVersion.V3,
};

/** The agent's SDS service, found by the bootstrap's cluster `sds-grpc`. */
const agentSds: MessageInitShape<typeof ConfigSourceSchema> = {
  configSourceSpecifier: {
    case: "apiConfigSource",
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      setNodeOnFirstMessageOnly: true,
      grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: "sds-grpc" } } }],
    },
  },
  initialFetchTimeout: toDuration(0),
  resourceApiVersion: ApiVersion.V3,
};

/** The workload's own certificate, as the agent names it. */
export const workloadCertificate = "default";
/** The mesh's roots of trust, as the agent names them. */
export const meshRoots = "ROOTCA";

/** A reference to key material that the agent serves. */
export function toSdsConfig(secretName: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name: secretName, sdsConfig: agentSds };
}

/** The stream the proxy already has. A secret that does not come keeps nothing waiting for ever. */
const adsSecrets: MessageInitShape<typeof ConfigSourceSchema> = {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
};

/** A reference to key material that the control plane serves, from a Secret of Kubernetes. */
export function toControlPlaneSds(secretName: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name: secretName, sdsConfig: adsSecrets };
}
