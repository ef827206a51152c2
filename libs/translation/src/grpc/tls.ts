import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TransportSocketSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { CommonTlsContextSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { pack } from "../envoy/any.ts";
import { meshRoots, workloadCertificate } from "../envoy/config-source.ts";
import { exactly } from "../envoy/tls.ts";

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>;

/** The provider of certificates in the bootstrap that Istio's agent writes for gRPC. */
const provider = "default";

/** gRPC takes certificates from providers of its bootstrap alone. https://github.com/grpc/proposal/blob/master/A29-xds-tls-security.md */
function commonContext(identities: readonly string[]): MessageInitShape<typeof CommonTlsContextSchema> {
  return {
    tlsCertificateProviderInstance: { instanceName: provider, certificateName: workloadCertificate },
    validationContextType: {
      case: "validationContext",
      value: {
        caCertificateProviderInstance: { instanceName: provider, certificateName: meshRoots },
        matchSubjectAltNames: identities.map(exactly),
      },
    },
  };
}

const name = "envoy.transport_sockets.tls";

/** Mutual TLS to servers of these identities; any of the mesh where there are none. */
export function clientTls(identities: readonly string[]): TransportSocket {
  const context = pack(UpstreamTlsContextSchema, { commonTlsContext: commonContext(identities) });
  return { name, configType: { case: "typedConfig", value: context } };
}

/** Mutual TLS with clients of the mesh. */
export function serverTls(): TransportSocket {
  const context = pack(DownstreamTlsContextSchema, {
    commonTlsContext: commonContext([]),
    requireClientCertificate: true,
  });
  return { name, configType: { case: "typedConfig", value: context } };
}
