import type { CaSigner, Certificate } from "@weft/pki";

/** What a CA signs with at one time, and whom it trusts. */
export interface SigningMaterial {
  readonly signer: CaSigner;
  /** The signer and what stands between it and its root, in order, without the root; empty where the root itself signs. */
  readonly intermediates: readonly Certificate[];
  /** All roots that are trusted now. */
  readonly roots: readonly Certificate[];
}
