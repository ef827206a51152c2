import { HeaderMap } from "../../runtime/headers.ts";
import { CodecError } from "../error.ts";
import { readHeaderName } from "../header-names.ts";

/** How heads are read. */
export interface HeadOptions {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Keeps the names as they came in beside the lower-case ones. */
  readonly preserveCase: boolean;
}

// Field content is visible characters, space, tab and obs-text; CR and LF are left for the split into lines.
// https://www.rfc-editor.org/rfc/rfc9110#name-field-values
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
const bareLineFeed = /(?:^|[^\r])\n/;

/** True where lines of `head` end in LF without CR: it must go through {@link toCrLf} first. */
export function hasBareLineFeed(head: string): boolean {
  return bareLineFeed.test(head);
}

/**
 * Lines ended by LF alone become lines ended by CRLF, as a recipient may read them, and as Envoy does.
 * https://www.rfc-editor.org/rfc/rfc9112#section-2.2-3
 */
export function toCrLf(head: string): string {
  return head.replace(/\r?\n/g, "\r\n");
}

/** Throws where a head has characters that must not be in one. */
export function checkCharacters(head: string): void {
  if (forbidden.test(head)) throw new CodecError("invalid-characters", "control character in head");
}

const space = 32;
const tab = 9;

/**
 * Reads field lines from `start` of `text`, each ended by CRLF, to the end of the text.
 * https://www.rfc-editor.org/rfc/rfc9112#name-field-syntax
 */
export function parseFieldLines(text: string, start: number, options: HeadOptions): HeaderMap {
  const list: string[] = [];
  const limit = options.maxHeaders * 2;
  let originalCase: Map<string, string> | undefined;
  let at = start;
  while (at < text.length) {
    const end = text.indexOf("\r", at);
    const colon = text.indexOf(":", at);
    // A CR alone would end a line for some readers and not for others.
    if (end < 0 || text.charCodeAt(end + 1) !== 10) throw new CodecError("bad-head", "CR without LF in head");
    if (colon < 0 || colon > end) throw new CodecError("bad-head", "header line without colon");
    const raw = text.slice(at, colon);
    const name = readHeaderName(raw);
    // Also where a line begins with white space (obs-fold) or has some before the colon: both are no tokens.
    if (name === undefined) throw new CodecError("bad-head", `${JSON.stringify(raw)} is no header name`);
    if (list.length >= limit)
      throw new CodecError("too-many-headers", `more than ${options.maxHeaders} headers`);
    let from = colon + 1;
    let to = end;
    while (from < to && isBlank(text.charCodeAt(from))) from++;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    list.push(name, text.slice(from, to));
    if (options.preserveCase && raw !== name) {
      originalCase ??= new Map();
      originalCase.set(name, raw);
    }
    at = end + 2;
  }
  const headers = new HeaderMap(list);
  headers.originalCase = originalCase;
  return headers;
}

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
