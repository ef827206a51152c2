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
      readonly ca?: TlsMaterial;
      readonly certificate?: TlsMaterial;
      readonly alpn: readonly string[];
    };

/** Who must answer on a mesh connection. */
interface MeshPeer {
  readonly sni: string;
  /** SPIFFE identities that may answer; empty means any of the trust domain. */
  readonly identities: readonly string[];
  readonly http2: boolean;
}

/** Where key material is found: a secret served over SDS by that name, or files that the agent serves. */
export interface TlsMaterial {
  readonly secretName: string;
  readonly source: "agent" | "control-plane";
}

/** How a listener's filter chain terminates TLS. */
export type DownstreamTls =
  /** Mutual TLS with the mesh's certificates. */
  | {
      readonly kind: "mesh";
      readonly alpn: readonly string[];
      /** Trust domains whose identities may connect. */
      readonly trustDomains: readonly string[];
      readonly tls13Only: boolean;
    }
  /** A gateway server's own certificate. */
  | {
      readonly kind: "server";
      readonly certificate: TlsMaterial;
      readonly ca?: TlsMaterial;
      readonly requireClientCertificate: boolean;
      readonly subjectAltNames: readonly string[];
      readonly alpn: readonly string[];
    };
