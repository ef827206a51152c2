import { HeaderMap } from "../../runtime/headers.ts";
import type { FieldSink } from "./hpack-decoder.ts";

/** Bounds of a message's head. */
export interface FieldLimits {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
}

/** The fields of one header block, sorted into pseudo headers and headers. Used again for each block. */
export class MessageFields implements FieldSink {
  method: string | undefined;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  protocol: string | undefined;
  status: string | undefined;
  host: string | undefined;
  /** A field makes the message malformed. https://www.rfc-editor.org/rfc/rfc9113#name-malformed-messages */
  malformed = false;
  #list: string[] = [];
  #bytes = 0;
  #cookie = -1;
  readonly #limits: FieldLimits;

  constructor(limits: FieldLimits) {
    this.#limits = limits;
  }

  /** Forgets the block before. */
  begin(): void {
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.path = undefined;
    this.protocol = undefined;
    this.status = undefined;
    this.host = undefined;
    this.malformed = false;
    this.#list = [];
    this.#bytes = 0;
    this.#cookie = -1;
  }

  /** What there was more of than is allowed, in Envoy's words; what exceeds is not kept. */
  get tooLarge(): "http2.headers_too_large" | "http2.too_many_headers" | undefined {
    if (this.#bytes > this.#limits.maxHeadBytes) return "http2.headers_too_large";
    return this.#list.length > this.#limits.maxHeaders * 2 ? "http2.too_many_headers" : undefined;
  }

  /** True where any pseudo header was there. */
  get hasPseudo(): boolean {
    return (
      this.method !== undefined ||
      this.scheme !== undefined ||
      this.authority !== undefined ||
      this.path !== undefined ||
      this.protocol !== undefined ||
      this.status !== undefined
    );
  }

  /** The headers, without pseudo headers and `host`. */
  headers(): HeaderMap {
    return new HeaderMap(this.#list);
  }

  onField(name: string, value: string, good: boolean): void {
    this.#bytes += name.length + value.length;
    if (!good) this.malformed = true;
    if (this.malformed || this.tooLarge !== undefined) return;
    if (name.charCodeAt(0) === 58) this.#pseudo(name, value);
    else if (name === "host") this.host ??= value;
    else if (name === "cookie") this.#addCookie(value);
    else this.#list.push(name, value);
  }

  /** Cookies come in crumbs, for compression's sake. https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3 */
  #addCookie(value: string): void {
    if (this.#cookie >= 0) this.#list[this.#cookie] += `; ${value}`;
    else this.#cookie = this.#list.push("cookie", value) - 1;
  }

  #pseudo(name: string, value: string): void {
    // All pseudo headers come before the headers, each once.
    if (this.#list.length > 0 || this.host !== undefined) this.malformed = true;
    switch (name) {
      case ":method":
        if (this.method !== undefined) this.malformed = true;
        this.method = value;
        return;
      case ":scheme":
        if (this.scheme !== undefined) this.malformed = true;
        this.scheme = value;
        return;
      case ":authority":
        if (this.authority !== undefined) this.malformed = true;
        this.authority = value;
        return;
      case ":path":
        if (this.path !== undefined) this.malformed = true;
        this.path = value;
        return;
      case ":protocol":
        if (this.protocol !== undefined) this.malformed = true;
        this.protocol = value;
        return;
      case ":status":
        if (this.status !== undefined) this.malformed = true;
        this.status = value;
        return;
      default:
        this.malformed = true;
    }
  }
}
