import { createSecureContext, type SecureContext } from "node:tls";
import { TransportSocketError } from "./error.ts";
import type { TlsMaterial, TlsParameters } from "./secret.ts";

/** Tells sessions of one context from those of all others. */
const sessionIdContext = "weft";

/**
 * Builds a secure context. Node keeps ticket keys in the context: connections of one context resume each other's
 * sessions, and none survives a change of certificates or trust.
 * @throws {TransportSocketError} `bad-context`
 */
export function createContext(
  parameters: TlsParameters,
  { certificates, trust }: TlsMaterial,
): SecureContext {
  const { minVersion, maxVersion, ciphers, ecdhCurve, sigalgs } = parameters;
  try {
    return createSecureContext({
      minVersion,
      maxVersion,
      ciphers,
      honorCipherOrder: true,
      sessionIdContext,
      // Never the system's own roots: whom to trust is configuration.
      ca: trust?.ca === undefined ? [] : [trust.ca],
      allowPartialTrustChain: true,
      cert: certificates.map((one) => one.certificates.map((certificate) => certificate.toString()).join("")),
      key: certificates.map(({ key }) => key.export({ type: "pkcs8", format: "pem" })),
      ...(trust?.crl !== undefined && { crl: trust.crl }),
      ...(ecdhCurve !== undefined && { ecdhCurve }),
      ...(sigalgs !== undefined && { sigalgs }),
    });
  } catch (error) {
    throw new TransportSocketError("bad-context", (error as Error).message);
  }
}

/** Secure contexts, shared by whoever has the same parameters and material. */
export interface ContextCache {
  get(parameters: TlsParameters, material: TlsMaterial): SecureContext;
}

/** How many contexts are kept for others to share; the oldest goes first. */
const maxContexts = 256;

/** Creates a cache: clusters by the hundred differ in names alone, which are no part of a context. */
export function createContextCache(): ContextCache {
  const contexts = new Map<string, SecureContext>();
  return {
    get(parameters, material) {
      const { certificates, trust } = material;
      const key = JSON.stringify([parameters, certificates.map(({ id }) => id), trust?.ca, trust?.crl]);
      const known = contexts.get(key);
      if (known !== undefined) return known;
      const context = createContext(parameters, material);
      const [oldest] = contexts.keys();
      if (contexts.size >= maxContexts && oldest !== undefined) contexts.delete(oldest);
      contexts.set(key, context);
      return context;
    },
  };
}
