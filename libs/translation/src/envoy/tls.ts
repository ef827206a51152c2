import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TransportSocketSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import {
  TlsParameters_TlsProtocol,
  type TlsParametersSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { DownstreamTls, UpstreamTls } from "../ir/index.ts";
import { pack } from "./any.ts";
import { meshRoots, toSdsConfig, workloadCertificate } from "./config-source.ts";

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>;
type CommonTls = Exclude<
  MessageInitShape<typeof CommonTlsContextSchema>,
  { $typeName: string; $unknown?: unknown }
>;
type Validation = NonNullable<CommonTls["validationContextType"]>;
type StringMatcher = { matchPattern: { case: "exact" | "prefix"; value: string } };

/** Forward secrecy, and no cipher that lists of weak ones name. */
const serverCiphers = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

const versions: MessageInitShape<typeof TlsParametersSchema> = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

/** Plain text. */
export const rawBuffer: TransportSocket = {
  name: "envoy.transport_sockets.raw_buffer",
  configType: { case: "typedConfig", value: pack(RawBufferSchema) },
};

function upstreamSocket(common: CommonTls, sni: string): TransportSocket {
  return {
    name: "envoy.transport_sockets.tls",
    configType: {
      case: "typedConfig",
      value: pack(UpstreamTlsContextSchema, { commonTlsContext: common, sni }),
    },
  };
}

function meshValidation(matchers: readonly StringMatcher[]): Validation {
  return {
    case: "combinedValidationContext",
    value: {
      defaultValidationContext: { matchSubjectAltNames: [...matchers] },
      validationContextSdsSecretConfig: toSdsConfig(meshRoots),
    },
  };
}

const exactly = (value: string): StringMatcher => ({ matchPattern: { case: "exact", value } });

/** The transport socket for mutual TLS inside the mesh. */
function meshUpstream(tls: Exclude<UpstreamTls, { kind: "custom" }>): TransportSocket {
  return upstreamSocket(
    {
      alpnProtocols: ["istio-peer-exchange", "istio", ...(tls.http2 ? ["h2"] : [])],
      tlsParams: versions,
      tlsCertificateSdsSecretConfigs: [toSdsConfig(workloadCertificate)],
      validationContextType: meshValidation(tls.identities.map(exactly)),
    },
    tls.sni,
  );
}

function customUpstream(tls: Extract<UpstreamTls, { kind: "custom" }>): TransportSocket {
  const sans = tls.subjectAltNames.map(exactly);
  const validation: Validation =
    tls.insecureSkipVerify || tls.ca === undefined
      ? { case: "validationContext", value: { matchSubjectAltNames: sans } }
      : {
          case: "combinedValidationContext",
          value: {
            defaultValidationContext: { matchSubjectAltNames: sans },
            validationContextSdsSecretConfig: toSdsConfig(tls.ca),
          },
        };
  return upstreamSocket(
    {
      alpnProtocols: [...tls.alpn],
      tlsParams: versions,
      tlsCertificateSdsSecretConfigs: tls.certificate ? [toSdsConfig(tls.certificate)] : [],
      validationContextType: validation,
    },
    tls.sni ?? "",
  );
}

/** How a cluster's connections are secured: one socket for all, or one by what the endpoint says it takes. */
export function toUpstreamSockets(tls: UpstreamTls):
  | { readonly transportSocket: TransportSocket }
  | {
      readonly transportSocketMatches: {
        name: string;
        match: Record<string, string>;
        transportSocket: TransportSocket;
      }[];
    } {
  if (tls.kind === "custom") return { transportSocket: customUpstream(tls) };
  if (tls.kind === "mesh") return { transportSocket: meshUpstream(tls) };
  return {
    transportSocketMatches: [
      { name: "tlsMode-istio", match: { tlsMode: "istio" }, transportSocket: meshUpstream(tls) },
      { name: "tlsMode-disabled", match: {}, transportSocket: rawBuffer },
    ],
  };
}

/** The transport socket of a filter chain that terminates TLS. */
export function toDownstreamSocket(tls: DownstreamTls): TransportSocket {
  const common: CommonTls =
    tls.kind === "mesh"
      ? {
          alpnProtocols: [...tls.alpn],
          tlsParams: {
            ...versions,
            cipherSuites: serverCiphers,
            ...(tls.tls13Only ? { tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3 } : {}),
          },
          tlsCertificateSdsSecretConfigs: [toSdsConfig(workloadCertificate)],
          validationContextType: meshValidation(
            tls.trustDomains.map((domain) => ({
              matchPattern: { case: "prefix", value: `spiffe://${domain}/` },
            })),
          ),
        }
      : {
          alpnProtocols: [...tls.alpn],
          tlsParams: { ...versions, cipherSuites: serverCiphers },
          tlsCertificateSdsSecretConfigs: [toSdsConfig(tls.certificate)],
          ...(tls.ca
            ? {
                validationContextType: {
                  case: "combinedValidationContext" as const,
                  value: {
                    defaultValidationContext: { matchSubjectAltNames: tls.subjectAltNames.map(exactly) },
                    validationContextSdsSecretConfig: toSdsConfig(tls.ca),
                  },
                },
              }
            : {}),
        };
  return {
    name: "envoy.transport_sockets.tls",
    configType: {
      case: "typedConfig",
      value: pack(DownstreamTlsContextSchema, {
        commonTlsContext: common,
        requireClientCertificate: tls.kind === "mesh" || tls.requireClientCertificate,
      }),
    },
  };
}
