import type { ParsedToken } from "./token.ts";

/** Longer tokens are verified each time, as in Envoy: a cache of them would take too much memory. */
const maxCachedLength = 4096;

/**
 * Tokens whose signature was verified, the least recently used leaving first. Only that is remembered: times, issuer
 * and audience are looked at each time. Belongs to one key set, and goes with it.
 */
export class VerifiedTokens {
  readonly #limit: number;
  readonly #tokens = new Map<string, ParsedToken>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#tokens.size;
  }

  get(text: string): ParsedToken | undefined {
    const token = this.#tokens.get(text);
    if (token === undefined) return undefined;
    this.#tokens.delete(text);
    this.#tokens.set(text, token);
    return token;
  }

  add(text: string, token: ParsedToken): void {
    if (this.#limit <= 0 || text.length > maxCachedLength) return;
    this.#tokens.set(text, token);
    if (this.#tokens.size <= this.#limit) return;
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined) this.#tokens.delete(oldest);
  }
}
