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
      readonly certificate?: CertificateFiles;
      readonly alpn: readonly string[];
    };

/** Who must answer on a mesh connection. */
interface MeshPeer {
  readonly sni: string;
  /** SPIFFE identities that may answer; empty means any of the trust domain. */
  readonly identities: readonly string[];
  readonly http2: boolean;
}

/** Certificates of authorities: those of the operating system, or a file of the proxy's. */
export type Roots = { readonly kind: "system" } | { readonly kind: "file"; readonly path: string };

/** A certificate chain and its key, as files of the proxy's. */
export interface CertificateFiles {
  readonly chain: string;
  readonly key: string;
}

/** How a listener's filter chain terminates TLS: with the mesh's certificates, on both sides. */
export interface DownstreamTls {
  readonly alpn: readonly string[];
  /** Trust domains whose identities may connect. */
  readonly trustDomains: readonly string[];
}
