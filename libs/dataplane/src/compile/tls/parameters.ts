import {
  TlsParameters_TlsProtocol,
  type TlsParameters as TlsParametersMessage,
  TlsParametersSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { type ContextCache, type TlsParameters, TransportSocketError } from "../../tls/index.ts";
import { checkFields } from "../check-fields.ts";
import type { Problems } from "../problems.ts";

/** Of TLS 1.3; not configurable, as in Envoy. */
const modernCiphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/** Envoy's for TLS 1.2. */
const defaultCiphers = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

const versions = {
  [TlsParameters_TlsProtocol.TLSv1_0]: "TLSv1",
  [TlsParameters_TlsProtocol.TLSv1_1]: "TLSv1.1",
  [TlsParameters_TlsProtocol.TLSv1_2]: "TLSv1.2",
  [TlsParameters_TlsProtocol.TLSv1_3]: "TLSv1.3",
} as const;

/** Curves by the names that OpenSSL has for them. */
const curves: Readonly<Record<string, string>> = {
  "P-256": "prime256v1",
  "P-384": "secp384r1",
  "P-521": "secp521r1",
};

/** Compiles versions, ciphers and curves: TLS 1.2 to 1.3 unless told, on both sides. */
export function compileParameters(
  message: TlsParametersMessage | undefined,
  path: string,
  contexts: ContextCache,
  problems: Problems,
): TlsParameters {
  if (message !== undefined) problems.add(checkFields(TlsParametersSchema, message, path));
  const version = (wanted: TlsParameters_TlsProtocol | undefined, otherwise: TlsParameters["minVersion"]) =>
    wanted === undefined || wanted === TlsParameters_TlsProtocol.TLS_AUTO ? otherwise : versions[wanted];
  // In brackets, with `|` between: equally good ones. OpenSSL takes them in order.
  const named = message?.cipherSuites.flatMap((suite) => suite.replace(/^\[(.*)\]$/, "$1").split("|")) ?? [];
  const ciphers = named.length > 0 ? named : defaultCiphers;
  const ecdhCurves = message?.ecdhCurves ?? [];
  const parameters: TlsParameters = {
    minVersion: version(message?.tlsMinimumProtocolVersion, "TLSv1.2"),
    maxVersion: version(message?.tlsMaximumProtocolVersion, "TLSv1.3"),
    ciphers: [modernCiphers, ...ciphers].join(":"),
    ecdhCurve: ecdhCurves.length === 0 ? undefined : ecdhCurves.map((name) => curves[name] ?? name).join(":"),
    sigalgs: message?.signatureAlgorithms.length ? message.signatureAlgorithms.join(":") : undefined,
  };
  if (message !== undefined) tryOut(parameters, path, contexts, problems);
  return parameters;
}

/** OpenSSL alone knows its ciphers and curves. */
function tryOut(parameters: TlsParameters, path: string, contexts: ContextCache, problems: Problems): void {
  try {
    contexts.get(parameters, { certificates: [], trust: undefined });
  } catch (error) {
    if (!(error instanceof TransportSocketError)) throw error;
    problems.error(path, "invalid", error.message);
  }
}
