import type { KeyObject, X509Certificate } from "node:crypto";
import type { CertificateValidationContext } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";

/** Where a secret comes from. */
export type SecretSource =
  /** With everything else, on the aggregated stream. */
  | { readonly kind: "ads" }
  /** SecretDiscoveryService; `unix:PATH` or `HOST:PORT`. */
  | { readonly kind: "grpc"; readonly address: string; readonly mode: "sotw" | "delta" }
  /** A file with a DiscoveryResponse, in JSON or YAML. */
  | { readonly kind: "path"; readonly path: string };

/** A secret that configuration refers to. */
export interface SecretRef {
  /** Source and name as one text: the same secret, the same key. */
  readonly key: string;
  readonly name: string;
  readonly source: SecretSource;
  /** How long the referring resource wants to be held back for it; 0 for no limit. */
  readonly initialFetchTimeoutMs: number;
}

/**
 * A certificate with its key. The key is a `KeyObject`, which shows nothing of itself in JSON, logs and
 * `console.log`; it is exported only into a secure context.
 */
export interface TlsCertificate {
  readonly kind: "certificate";
  /** The leaf first. */
  readonly certificates: readonly [X509Certificate, ...X509Certificate[]];
  readonly key: KeyObject;
  /** The same for the same certificate: SHA-256 of the leaf. */
  readonly id: string;
  readonly paths: readonly string[];
}

/** Whom to trust, as SDS sent it: what refers to it may add rules of its own. */
export interface ValidationSecret {
  readonly kind: "validation";
  readonly message: CertificateValidationContext;
  readonly paths: readonly string[];
}

/** A secret as it is kept. `paths`: files it was read from. */
export type SecretValue = TlsCertificate | ValidationSecret;

/** The certificates of the other side that are taken, compiled. */
export interface TrustRules {
  /** PEM; undefined: the other side's chain is not verified (no CA was configured, as in Envoy). */
  readonly ca: string | undefined;
  readonly caCertificates: readonly X509Certificate[];
  readonly caPath: string;
  readonly crl: string | undefined;
  /** Whether the names are among those that are wanted; undefined where any are. */
  readonly matchesNames: ((certificate: X509Certificate) => boolean) | undefined;
  /** Whether certificate or key is one that is pinned; undefined where none are. */
  readonly matchesPins: ((certificate: X509Certificate) => boolean) | undefined;
}

/** What handshakes of one context need at present. */
export interface TlsMaterial {
  readonly certificates: readonly TlsCertificate[];
  readonly trust: TrustRules | undefined;
}

/** Versions and ciphers, in Node's words. */
export interface TlsParameters {
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string;
  readonly ecdhCurve: string | undefined;
  readonly sigalgs: string | undefined;
}

/** Envoy's CommonTlsContext, compiled. */
export interface TlsSettings {
  readonly parameters: TlsParameters;
  readonly applicationProtocols: readonly string[];
  /** All secrets referred to. */
  readonly secrets: readonly SecretRef[];
  /** Given in place, or by reference. */
  readonly certificates: readonly (TlsCertificate | SecretRef)[];
  readonly trust: TrustSettings | undefined;
}

/** Trust rules given in place, or made of a secret (and rules in place) when it is there. */
export type TrustSettings =
  | { readonly kind: "fixed"; readonly rules: TrustRules }
  | {
      readonly kind: "secret";
      readonly ref: SecretRef;
      /** @throws {TransportSocketError} where secret and rules make no sense together */
      readonly compile: (secret: ValidationSecret) => TrustRules;
    };
