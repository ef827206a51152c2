import type { KeyObject } from "node:crypto";
import type { Clock } from "@weft/base";
import type { ClientTrust } from "@weft/identity";
import {
  buildCertificate,
  type Certificate,
  createBundle,
  formatCertificate,
  type NamesToWrite,
  randomSerial,
  type TrustBundle,
} from "@weft/pki";
import { CaError } from "./error.ts";
import type { SigningMaterial } from "./root/material.ts";
import type { RotationState, RotationStep } from "./root/rotation.ts";
import { backdateMs } from "./root/self-signed.ts";
import type { RootStore } from "./root/store.ts";

/** Where the CA's material comes from: roots of its own, which it can change, or what the operator plugged in. */
export type CaSource =
  | { readonly kind: "self-signed"; readonly store: RootStore }
  | { readonly kind: "plugged-in"; readonly material: SigningMaterial };

/** Settings of {@link createCertificateAuthority}. */
export interface CertificateAuthorityOptions {
  readonly trustDomain: string;
  readonly source: CaSource;
  readonly clock: Clock;
}

/** A certificate that was made. */
export interface Issued {
  /** PEM of the certificate alone. */
  readonly certificate: string;
  /** PEM of what stands between it and the root; empty where there is nothing. */
  readonly intermediates: string;
  readonly serialNumber: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Signs leaves and says what to trust. It decides nothing about who may have what: see `createCertificateService`. */
export interface CertificateAuthority {
  readonly trustDomain: string;
  readonly selfSigned: boolean;
  /**
   * Makes a leaf that begins two minutes ago and ends after `ttlMs`, or when its signer ends if that is sooner. Throws `unavailable` where
   * the signer has less than a minute left.
   */
  issue(ask: { readonly publicKey: KeyObject; readonly names: NamesToWrite; readonly ttlMs: number }): Issued;
  /** The certificate that signs. */
  signer(): Certificate;
  /** What stands between a leaf and its root. */
  intermediates(): readonly Certificate[];
  bundle(): TrustBundle;
  /** All roots, PEM, the one that signs first: the text changes with the signer, too, which is how files of it tell of that. */
  rootsPem(): string;
  /** Whose client certificates are this CA's own. */
  readonly clients: ClientTrust;
  rotation(): RotationState["phase"];
  /** Takes a step of a root's rotation; throws `bad-rotation`, also where the material was plugged in. */
  rotate(step: RotationStep["kind"]): Promise<void>;
  /** Calls back when the signer or the bundle is another; the function returned ends that. */
  onChange(listener: () => void): () => void;
}

const leastLifetimeMs = 60_000;

/** Creates the authority. */
export function createCertificateAuthority(options: CertificateAuthorityOptions): CertificateAuthority {
  const { trustDomain, source, clock } = options;
  const listeners = new Set<() => void>();
  const load = () => {
    const material = source.kind === "self-signed" ? source.store.material() : source.material;
    const { signer, intermediates, roots } = material;
    const intermediatesPem = intermediates.map(formatCertificate).join("");
    const rootsPem = roots.map(formatCertificate).join("");
    return { signer, intermediates, intermediatesPem, rootsPem, bundle: createBundle(trustDomain, roots) };
  };
  let current = load();
  return {
    trustDomain,
    selfSigned: source.kind === "self-signed",
    issue: ({ publicKey, names, ttlMs }) => {
      const { signer, intermediatesPem } = current;
      const now = clock.now();
      const notAfter = Math.min(now + ttlMs, signer.certificate.notAfter);
      if (notAfter < now + Math.min(leastLifetimeMs, ttlMs)) {
        const end = new Date(signer.certificate.notAfter).toISOString();
        throw new CaError("unavailable", `the CA's certificate ends at ${end}: it signs no more`);
      }
      const notBefore = Math.max(now - backdateMs, signer.certificate.notBefore);
      const serialNumber = randomSerial();
      const der = buildCertificate(
        { serialNumber, names, notBefore, notAfter, publicKey, use: { kind: "leaf" } },
        signer,
      );
      return {
        certificate: formatCertificate({ der }),
        intermediates: intermediatesPem,
        serialNumber: Buffer.from(serialNumber).toString("hex").replace(/^0+/, ""),
        notBefore: wholeSeconds(notBefore),
        notAfter: wholeSeconds(notAfter),
      };
    },
    signer: () => current.signer.certificate,
    intermediates: () => current.intermediates,
    bundle: () => current.bundle,
    rootsPem: () => current.rootsPem,
    clients: {
      trustDomains: () => [trustDomain],
      roots: () => current.bundle.roots,
      intermediates: () => current.intermediates,
    },
    rotation: () => (source.kind === "self-signed" ? source.store.state().phase : "stable"),
    rotate: async (kind) => {
      if (source.kind !== "self-signed") {
        throw new CaError(
          "bad-rotation",
          `${kind}: the CA's material was plugged in, change it at its source`,
        );
      }
      if (kind === "begin") await source.store.begin();
      else await source.store.step({ kind });
      current = load();
      for (const listener of listeners) listener();
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
