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
import type { DownstreamTls, ProxyTraits, UpstreamTls } from "../ir/index.ts";
import { pack } from "./any.ts";
import { meshRoots, toControlPlaneSds, toSdsConfig, workloadCertificate } from "./config-source.ts";

/** How a connection's bytes are carried. */
export type TransportSocket = MessageInitShape<typeof TransportSocketSchema>;
/** What TLS contexts of both directions have in common. */
export type CommonTls = Exclude<
  MessageInitShape<typeof CommonTlsContextSchema>,
  { $typeName: string; $unknown?: unknown }
>;
type CustomTls = Extract<UpstreamTls, { kind: "custom" }>;
type Validation = NonNullable<CommonTls["validationContextType"]>;
/** Match of a name in a certificate. */
export type StringMatcher = { matchPattern: { case: "exact" | "prefix"; value: string } };

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

/** Takes one name alone. */
export const exactly = (value: string): StringMatcher => ({ matchPattern: { case: "exact", value } });

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

/** Where Debian and its like keep the certificates of well-known authorities, in one file. */
const systemRootsFile = "/etc/ssl/certs/ca-certificates.crt";

/** What verifies a server: Istio's agent hands out files as secrets, others' proxies read them themselves. */
function serverValidation(tls: CustomTls, agentServesFiles: boolean): Validation {
  const { roots } = tls;
  // Names say nothing where nobody vouches for them, and Envoy refuses to pretend.
  if (roots === undefined) return { case: "validationContext", value: {} };
  const named = {
    matchSubjectAltNames: tls.subjectAltNames.map(exactly),
    ...(tls.crl === undefined ? {} : { crl: fileSource(tls.crl) }),
  };
  const fromSecret = (secret: ReturnType<typeof toSdsConfig>): Validation => ({
    case: "combinedValidationContext",
    value: { defaultValidationContext: named, validationContextSdsSecretConfig: secret },
  });
  if (roots.kind === "secret") return fromSecret(toControlPlaneSds(roots.name));
  if (agentServesFiles)
    return fromSecret(toSdsConfig(`file-root:${roots.kind === "system" ? "system" : roots.path}`));
  if (roots.kind === "file")
    return { case: "validationContext", value: { ...named, trustedCa: fileSource(roots.path) } };
  // Envoy has a setting for the system's roots, but takes no names beside it.
  return {
    case: "validationContext",
    value:
      tls.subjectAltNames.length === 0 && tls.crl === undefined
        ? { systemRootCerts: {} }
        : { ...named, trustedCa: fileSource(systemRootsFile) },
  };
}

/** A file of the proxy's. */
export function fileSource(path: string) {
  return { specifier: { case: "filename" as const, value: path } };
}

function clientCertificate({ certificate }: CustomTls, agentServesFiles: boolean): CommonTls {
  if (certificate === undefined) return {};
  if (certificate.kind === "secret")
    return { tlsCertificateSdsSecretConfigs: [toControlPlaneSds(certificate.name)] };
  const { chain, key } = certificate;
  return agentServesFiles
    ? { tlsCertificateSdsSecretConfigs: [toSdsConfig(`file-cert:${chain}~${key}`)] }
    : { tlsCertificates: [{ certificateChain: fileSource(chain), privateKey: fileSource(key) }] };
}

function customUpstream(tls: CustomTls, agentServesFiles: boolean): TransportSocket {
  return upstreamSocket(
    {
      alpnProtocols: [...tls.alpn],
      tlsParams: versions,
      validationContextType: serverValidation(tls, agentServesFiles),
      ...clientCertificate(tls, agentServesFiles),
    },
    tls.sni ?? "",
  );
}

/** How a cluster's connections are secured: one socket for all, or one by what the endpoint says it takes. */
export function toUpstreamSockets(
  tls: UpstreamTls,
  { agentServesFiles }: ProxyTraits,
):
  | { readonly transportSocket: TransportSocket }
  | {
      readonly transportSocketMatches: {
        name: string;
        match: Record<string, string>;
        transportSocket: TransportSocket;
      }[];
    } {
  if (tls.kind === "custom") return { transportSocket: customUpstream(tls, agentServesFiles) };
  if (tls.kind === "mesh") return { transportSocket: meshUpstream(tls) };
  return {
    transportSocketMatches: [
      { name: "tlsMode-istio", match: { tlsMode: "istio" }, transportSocket: meshUpstream(tls) },
      { name: "tlsMode-disabled", match: {}, transportSocket: rawBuffer },
    ],
  };
}

/** The transport socket of a filter chain that terminates the mesh's mutual TLS. */
export function toMeshDownstreamSocket(tls: Extract<DownstreamTls, { kind: "mesh" }>): TransportSocket {
  return downstreamSocket({
    commonTlsContext: {
      alpnProtocols: [...tls.alpn],
      tlsParams: { ...versions, cipherSuites: serverCiphers },
      tlsCertificateSdsSecretConfigs: [toSdsConfig(workloadCertificate)],
      validationContextType: meshValidation(
        tls.trustDomains.map((domain) => ({
          matchPattern: { case: "prefix", value: `spiffe://${domain}/` },
        })),
      ),
    },
    requireClientCertificate: true,
  });
}

/** A transport socket that terminates TLS. */
export function downstreamSocket(
  context: MessageInitShape<typeof DownstreamTlsContextSchema>,
): TransportSocket {
  return {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: pack(DownstreamTlsContextSchema, context) },
  };
}
