import type { HeaderMap } from "../../runtime/headers.ts";
import { CodecError } from "../error.ts";

/** How long a body is: 0 or more bytes, or one of the two lengths that only its end tells. */
export type BodyLength = number;
/** The body comes in chunks. */
export const chunked = -1;
/** The body ends with the connection. */
export const untilClose = -2;

/** What a parser must know of a head to find the end of its message. */
export interface Framing {
  readonly body: BodyLength;
}

/**
 * The body length that headers declare; undefined where they declare none. Strict, since two readers that differ here
 * are the stuff of request smuggling. Removes a `content-length` that `allowChunkedLength` lets pass.
 * https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
 */
export function declaredLength(headers: HeaderMap, allowChunkedLength: boolean): BodyLength | undefined {
  const { list } = headers;
  let length: string | undefined;
  let encoding: string | undefined;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === "content-length") {
      if (length !== undefined) throw new CodecError("invalid-length", "several content-length headers");
      length = list[i + 1];
    } else if (list[i] === "transfer-encoding") {
      encoding = encoding === undefined ? list[i + 1] : `${encoding},${list[i + 1]}`;
    }
  }
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked")
      throw new CodecError("invalid-transfer-encoding", "transfer-encoding other than chunked");
    if (length !== undefined) {
      if (!allowChunkedLength)
        throw new CodecError("length-and-chunked", "both content-length and transfer-encoding");
      headers.remove("content-length");
    }
    return chunked;
  }
  return length === undefined ? undefined : parseLength(length);
}

function parseLength(text: string): number {
  // 15 digits are 0.9 petabyte, and surely exact in a double.
  if (!/^\d{1,15}$/.test(text)) throw new CodecError("invalid-length", "content-length is no number");
  return Number(text);
}

/** Body length of a response to `method`, from its status and headers. */
export function responseLength(method: string, status: number, headers: HeaderMap): BodyLength {
  const declared = declaredLength(headers, false);
  if (hasNoBody(method, status)) return 0;
  return declared ?? untilClose;
}

/** True where a response has no body, whatever its headers say. */
export function hasNoBody(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304 || (status >= 100 && status < 200);
}
