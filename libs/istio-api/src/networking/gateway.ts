import {
  boolean,
  type Infer,
  list,
  map,
  message,
  oneOfWords,
  required,
  string,
  unsigned,
} from "../schema/schema.ts";

const tlsVersion = oneOfWords("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3");

/** How a server terminates TLS. Also used by Sidecar for ingress listeners. */
export const serverTLSSettings = message(
  {
    httpsRedirect: boolean(),
    mode: oneOfWords(
      "PASSTHROUGH",
      "SIMPLE",
      "MUTUAL",
      "AUTO_PASSTHROUGH",
      "ISTIO_MUTUAL",
      "OPTIONAL_MUTUAL",
    ),
    serverCertificate: string(),
    privateKey: string(),
    caCertificates: string(),
    caCrl: string(),
    tlsCertificates: list(
      message({ serverCertificate: string(), privateKey: string(), caCertificates: string() }),
      { min: 1, max: 2 },
    ),
    credentialName: string(),
    credentialNames: list(string(), { min: 1, max: 2 }),
    caCertCredentialName: string(),
    subjectAltNames: list(string()),
    verifyCertificateSpki: list(string()),
    verifyCertificateHash: list(string()),
    minProtocolVersion: tlsVersion,
    maxProtocolVersion: tlsVersion,
    cipherSuites: list(string()),
    insecureSkipVerify: boolean(),
  },
  { oneOf: [["credentialName", "credentialNames", "tlsCertificates"]] },
);

const gatewayPort = message({
  number: required(unsigned()),
  protocol: required(string()),
  name: required(string()),
  targetPort: unsigned(),
});

const server = message({
  name: string(),
  port: required(gatewayPort),
  bind: string(),
  hosts: required(list(string())),
  tls: serverTLSSettings,
  defaultEndpoint: string(),
});

/** https://istio.io/latest/docs/reference/config/networking/gateway/ */
export const gatewaySpec = message({ selector: map(string()), servers: list(server) });

/** `spec` of a Gateway. */
export type Gateway = Infer<typeof gatewaySpec>;
/** One port of a gateway, the hosts it serves there, and how it does TLS. */
export type Server = Infer<typeof server>;
/** A port of a gateway; the protocol is one of Istio's names in any case. */
export type GatewayPort = Infer<typeof gatewayPort>;
/** How a server terminates TLS. */
export type ServerTLSSettings = Infer<typeof serverTLSSettings>;
