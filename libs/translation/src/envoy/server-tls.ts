import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  TlsParameters_TlsProtocol,
  type TlsParametersSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { SdsSecretConfigSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type {
  ClientVerification,
  DownstreamTls,
  ProxyTraits,
  ServerCertificate,
  TlsVersion,
} from "../ir/index.ts";
import { meshRoots, toControlPlaneSds, toSdsConfig, workloadCertificate } from "./config-source.ts";
import {
  type CommonTls,
  downstreamSocket,
  exactly,
  fileSource,
  type TransportSocket,
  toMeshDownstreamSocket,
} from "./tls.ts";

type ServerTls = Extract<DownstreamTls, { kind: "server" }>;
type SdsSecretConfig = MessageInitShape<typeof SdsSecretConfigSchema>;

const versions: Readonly<Record<TlsVersion, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/** Envoy's own choice where nothing is configured. */
function parameters({ minVersion, maxVersion, ciphers }: ServerTls): CommonTls {
  const params: MessageInitShape<typeof TlsParametersSchema> = {
    ...(minVersion ? { tlsMinimumProtocolVersion: versions[minVersion] } : {}),
    ...(maxVersion ? { tlsMaximumProtocolVersion: versions[maxVersion] } : {}),
    ...(ciphers.length > 0 ? { cipherSuites: [...ciphers] } : {}),
  };
  return Object.keys(params).length === 0 ? {} : { tlsParams: params };
}

/** The secret that holds a certificate; undefined for files that the proxy reads itself. */
function secretOf(certificate: ServerCertificate, agentServesFiles: boolean): SdsSecretConfig | undefined {
  switch (certificate.kind) {
    case "workload":
      return toSdsConfig(workloadCertificate);
    case "secret":
      return toControlPlaneSds(certificate.name);
    case "files":
      return agentServesFiles ? toSdsConfig(`file-cert:${certificate.chain}~${certificate.key}`) : undefined;
  }
}

function certificates({ certificates }: ServerTls, agentServesFiles: boolean): CommonTls {
  const secrets = certificates.flatMap((one) => secretOf(one, agentServesFiles) ?? []);
  const files = certificates.flatMap((one) =>
    one.kind === "files" && !agentServesFiles
      ? [{ certificateChain: fileSource(one.chain), privateKey: fileSource(one.key) }]
      : [],
  );
  return {
    ...(secrets.length > 0 ? { tlsCertificateSdsSecretConfigs: secrets } : {}),
    ...(files.length > 0 ? { tlsCertificates: files } : {}),
  };
}

function verification(clients: ClientVerification | undefined, agentServesFiles: boolean): CommonTls {
  if (clients === undefined) return {};
  const { roots } = clients;
  const context = {
    matchSubjectAltNames: clients.subjectAltNames.map(exactly),
    verifyCertificateSpki: [...clients.spki],
    verifyCertificateHash: [...clients.hashes],
    ...(clients.crl === undefined ? {} : { crl: fileSource(clients.crl) }),
  };
  if (roots.kind === "file" && !agentServesFiles)
    return {
      validationContextType: {
        case: "validationContext",
        value: { ...context, trustedCa: fileSource(roots.path) },
      },
    };
  const secret =
    roots.kind === "secret"
      ? toControlPlaneSds(roots.name)
      : toSdsConfig(roots.kind === "mesh" ? meshRoots : `file-root:${roots.path}`);
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: { defaultValidationContext: context, validationContextSdsSecretConfig: secret },
    },
  };
}

/** The transport socket of a filter chain that terminates TLS. */
export function toDownstreamSocket(tls: DownstreamTls, { agentServesFiles }: ProxyTraits): TransportSocket {
  if (tls.kind === "mesh") return toMeshDownstreamSocket(tls);
  return downstreamSocket({
    commonTlsContext: {
      alpnProtocols: [...tls.alpn],
      ...parameters(tls),
      ...certificates(tls, agentServesFiles),
      ...verification(tls.clients, agentServesFiles),
    },
    requireClientCertificate: tls.clients?.required === true,
  });
}
