import { type Certificate, parseCertificates } from "@weft/pki";
import type { WorkloadSecrets } from "./secrets/workload-secrets.ts";

/** What a workload has of the mesh's trust, as whoever changes the root must know it. Roots are named by their fingerprints. */
export interface TrustReport {
  /** Roots that its proxy verifies others by. */
  readonly roots: readonly string[];
  /** The root that its certificate ends at. */
  readonly signedBy: string;
  /** When its certificate ends, milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * Type URL by which agents tell pilot what their proxies have: they subscribe to it, by names that are the report, and are never sent any.
 * So the report comes by the stream that proves whose it is, it is known of every proxy that is connected, and it ends with the stream.
 */
export const trustReportType = "type.googleapis.com/weft.pki.v1.TrustReport";

const fingerprint = /^[0-9a-f]{64}$/;
/** More roots than any mesh has at a time. */
const maxRoots = 32;

/** What there is to report of a workload's secrets. */
export function toTrustReport({ roots, signedBy, notAfter }: WorkloadSecrets): TrustReport {
  return { roots: fingerprintsOf(parseCertificates(roots)), signedBy, notAfter };
}

/** The names that stand for a report. */
export function formatTrustReport({ roots, signedBy, notAfter }: TrustReport): readonly string[] {
  return [...roots.map((root) => `root/${root}`), `signed-by/${signedBy}`, `not-after/${notAfter}`];
}

/** Reads names back; undefined where they are no whole report. */
export function parseTrustReport(names: Iterable<string>): TrustReport | undefined {
  const roots: string[] = [];
  const signers: string[] = [];
  const ends: number[] = [];
  for (const name of names) {
    const [kind, value = "", ...rest] = name.split("/");
    if (rest.length > 0) return undefined;
    if (kind === "root" && fingerprint.test(value) && roots.length < maxRoots) roots.push(value);
    else if (kind === "signed-by" && fingerprint.test(value)) signers.push(value);
    else if (kind === "not-after" && /^\d{1,15}$/.test(value)) ends.push(Number(value));
    else return undefined;
  }
  const [signedBy] = signers;
  const [notAfter] = ends;
  if (roots.length === 0 || signedBy === undefined || signers.length > 1) return undefined;
  if (notAfter === undefined || ends.length > 1) return undefined;
  return { roots: roots.sort(), signedBy, notAfter };
}

function fingerprintsOf(certificates: readonly Certificate[]): readonly string[] {
  return [...new Set(certificates.map((one) => one.fingerprint))].sort();
}
