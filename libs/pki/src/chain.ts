import { type Certificate, isCa } from "./certificate.ts";
import { PkiError } from "./error.ts";
import { clientAuth, KeyUsageFlags, serverAuth } from "./extensions.ts";
import { isStrongSignature } from "./signature.ts";

/** What to verify a CA's certificate against. */
export interface CaChainOptions {
  /** Certificates that may stand between, in any order; nothing is believed of them but what their signatures prove. */
  readonly intermediates: readonly Certificate[];
  /** Trust anchors. */
  readonly roots: readonly Certificate[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What to verify a leaf against. */
export interface ChainOptions extends CaChainOptions {
  /** What the leaf is to be used for; `any` leaves its extended key usage unread. */
  readonly purpose: "client" | "server" | "any";
}

/** CAs between a leaf and its root at most. */
const maxDepth = 5;
/** Signatures that one verification checks at most, so that no set of certificates makes it slow. */
const maxChecks = 64;

/**
 * Finds the chain from a leaf to one of the roots and verifies it: signatures, names, times, basic constraints, path lengths, key usages,
 * no critical extension that is not understood (which name constraints are). Returns it from the leaf to the root; throws
 * `untrusted-chain` with the reason that came closest. https://www.rfc-editor.org/rfc/rfc5280#section-6
 */
export function verifyChain(leaf: Certificate, options: ChainOptions): Certificate[] {
  const problem = leafProblem(leaf, options.purpose);
  if (problem !== undefined) throw untrusted(leaf, problem);
  return findChain(leaf, options);
}

/** The same for the certificate of a CA below a root: from it to the root. */
export function verifyCaChain(ca: Certificate, options: CaChainOptions): Certificate[] {
  if (!isCa(ca)) throw untrusted(ca, "not a CA");
  return findChain(ca, options);
}

function findChain(first: Certificate, options: CaChainOptions): Certificate[] {
  const problem = certificateProblem(first, options.now);
  if (problem !== undefined) throw untrusted(first, problem);
  const state = { checks: 0, why: "no root or intermediate issued it" };
  const chain = climb([first], options, state);
  if (chain === undefined) throw untrusted(first, state.why);
  return chain;
}

function untrusted(leaf: Certificate, why: string): PkiError {
  const name = leaf.subjectAltNames.uris[0] ?? (leaf.subject || leaf.serialNumber);
  return new PkiError("untrusted-chain", `certificate ${JSON.stringify(name.slice(0, 200))}: ${why}`);
}

/** Adds issuers to the path until a root is reached; undefined where no way leads there. */
function climb(
  path: readonly Certificate[],
  options: CaChainOptions,
  state: { checks: number; why: string },
): Certificate[] | undefined {
  const child = path[path.length - 1] as Certificate; // a path is never empty
  const candidates = (list: readonly Certificate[]) =>
    list.filter((one) => one.subjectDer.equals(child.issuerDer) && !path.includes(one));
  const isIssuer = (issuer: Certificate): boolean => {
    if (++state.checks > maxChecks) {
      state.why = `more than ${maxChecks} signatures to check`;
      return false;
    }
    const why = issuerProblem(issuer, path, options.now);
    if (why !== undefined) state.why = `${issuer.subject || issuer.serialNumber}: ${why}`;
    return why === undefined;
  };
  for (const root of candidates(options.roots)) if (isIssuer(root)) return [...path, root];
  if (path.length > maxDepth) return undefined;
  for (const issuer of candidates(options.intermediates)) {
    const chain = isIssuer(issuer) ? climb([...path, issuer], options, state) : undefined;
    if (chain !== undefined) return chain;
  }
  return undefined;
}

function leafProblem(leaf: Certificate, purpose: ChainOptions["purpose"]): string | undefined {
  if (isCa(leaf)) return "a CA, not a leaf";
  if (leaf.keyUsage !== undefined && (leaf.keyUsage & KeyUsageFlags.digitalSignature) === 0) {
    return "its key usage does not allow digital signatures";
  }
  if (purpose === "any") return undefined;
  const wanted = purpose === "client" ? clientAuth : serverAuth;
  return leaf.extendedKeyUsage?.includes(wanted) === true
    ? undefined
    : `its extended key usage does not allow TLS ${purpose} authentication`;
}

function certificateProblem(certificate: Certificate, now: number): string | undefined {
  const { notBefore, notAfter, unknownCritical, signatureAlgorithm } = certificate;
  if (now < notBefore) return `not valid before ${new Date(notBefore).toISOString()}`;
  if (now > notAfter) return `expired at ${new Date(notAfter).toISOString()}`;
  if (unknownCritical.length > 0) return `critical extension ${unknownCritical[0]} is not understood`;
  if (!isStrongSignature(signatureAlgorithm)) return `signature algorithm ${signatureAlgorithm} is not taken`;
  return undefined;
}

function issuerProblem(issuer: Certificate, path: readonly Certificate[], now: number): string | undefined {
  const child = path[path.length - 1] as Certificate; // a path is never empty
  if (!isCa(issuer)) return "not a CA";
  if (issuer.keyUsage !== undefined && (issuer.keyUsage & KeyUsageFlags.keyCertSign) === 0) {
    return "its key usage does not allow signing certificates";
  }
  const { pathLength } = issuer.basicConstraints ?? {};
  // CAs below it that are not self-issued (RFC 5280, 6.1.4 l).
  const below = path.filter((one) => isCa(one) && !one.subjectDer.equals(one.issuerDer)).length;
  if (pathLength !== undefined && below > pathLength)
    return `its path length allows ${pathLength} CAs below it`;
  const why = certificateProblem(issuer, now);
  if (why !== undefined) return why;
  return child.x509.verify(issuer.publicKey) ? undefined : "did not sign the certificate that names it";
}
