/** Longer tokens are verified each time, as in Envoy: a cache of them would take too much memory. */
const maxCachedLength = 4096;

/**
 * Tokens whose signature was verified, the least recently used leaving first. Only that is remembered: times, issuer
 * and audience are looked at each time. Belongs to one key set, and goes with it.
 */
export class VerifiedTokens {
  readonly #limit: number;
  readonly #tokens = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#tokens.size;
  }

  has(text: string): boolean {
    if (!this.#tokens.delete(text)) return false;
    this.#tokens.add(text);
    return true;
  }

  add(text: string): void {
    if (this.#limit <= 0 || text.length > maxCachedLength) return;
    this.#tokens.add(text);
    if (this.#tokens.size <= this.#limit) return;
    const [oldest] = this.#tokens;
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}
