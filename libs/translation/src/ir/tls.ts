/** How a proxy secures connections to a backend. */
export type UpstreamTls =
  /** Mutual TLS with the mesh's certificates where the endpoint takes it, plain text elsewhere. */
  | ({ readonly kind: "auto" } & MeshPeer)
  /** Mutual TLS with the mesh's certificates, always. */
  | ({ readonly kind: "mesh" } & MeshPeer)
  /** TLS as the user configured it, with or without a certificate of its own. */
  | {
      readonly kind: "custom";
      readonly sni?: string;
      /** The host of each request is the name sent in the handshake. */
      readonly autoSni: boolean;
      readonly subjectAltNames: readonly string[];
      /** Verification of the server's certificate is off. */
      readonly insecureSkipVerify: boolean;
      /** What the server's certificate is verified with; absent: it is not. */
      readonly roots?: Roots;
      /** A file of revocations. */
      readonly crl?: string;
      readonly certificate?: Exclude<ServerCertificate, { kind: "workload" }>;
      readonly alpn: readonly string[];
    };

/** Who must answer on a mesh connection. */
interface MeshPeer {
  readonly sni: string;
  /** SPIFFE identities that may answer; empty means any of the trust domain. */
  readonly identities: readonly string[];
  readonly http2: boolean;
}

/** Certificates of authorities: those of the operating system, a file of the proxy's, or what the control plane serves. */
export type Roots =
  | { readonly kind: "system" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "secret"; readonly name: string };

/** A certificate chain and its key, as files of the proxy's. */
export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
}

/** How a listener's filter chain terminates TLS. */
export type DownstreamTls =
  /** With the mesh's certificates, on both sides. */
  | {
      readonly kind: "mesh";
      readonly alpn: readonly string[];
      /** Trust domains whose identities may connect. */
      readonly trustDomains: readonly string[];
    }
  /** As a server's settings say. */
  | {
      readonly kind: "server";
      readonly alpn: readonly string[];
      /** At least one; several differ in the kind of their key. */
      readonly certificates: readonly ServerCertificate[];
      /** How clients' certificates are verified; absent: nobody asks for one. */
      readonly clients?: ClientVerification;
      readonly minVersion?: TlsVersion;
      readonly maxVersion?: TlsVersion;
      /** Empty: Envoy's own choice. */
      readonly ciphers: readonly string[];
    };

/** A certificate: the mesh's own, one that the control plane serves from a Secret, or files of the proxy's. */
export type ServerCertificate =
  | { readonly kind: "workload" }
  | { readonly kind: "secret"; readonly name: string }
  | ({ readonly kind: "files" } & CertificateFiles);

/** What clients' certificates are verified with. */
export interface ClientVerification {
  /** A client without a certificate is turned away. */
  readonly required: boolean;
  readonly roots:
    | { readonly kind: "mesh" }
    | { readonly kind: "secret"; readonly name: string }
    | { readonly kind: "file"; readonly path: string };
  readonly subjectAltNames: readonly string[];
  readonly spki: readonly string[];
  readonly hashes: readonly string[];
  /** A file of revocations. */
  readonly crl?: string;
}

/** A version of TLS, by Istio's name. */
export type TlsVersion = "TLSV1_0" | "TLSV1_1" | "TLSV1_2" | "TLSV1_3";
