import { readHeaderName } from "../header-names.ts";

// Envoy (with its HTTP/2 codecs) takes visible characters, space, tab and obs-text.
// https://www.rfc-editor.org/rfc/rfc9113#name-field-validity
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const badValue = /[\0-\x08\x0a-\x1f\x7f]/;
const badPseudoValue = /[\0-\x20\x7f]/;

/** Headers that speak of the connection have no place in HTTP/2. https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2 */
const connectionSpecific: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** The same name, as the object that the rest of the proxy compares with; the name itself where it is no good. */
export function internName(name: string): string {
  const read = readHeaderName(name);
  return read === name ? read : name;
}

/** True where a field may be in a message. Once for each that is not known from before. */
export function checkField(name: string, value: string): boolean {
  if (name.charCodeAt(0) === 58) return !badPseudoValue.test(value);
  if (readHeaderName(name) !== name || badValue.test(value)) return false;
  if (connectionSpecific.has(name)) return false;
  if (name === "te") return value.toLowerCase() === "trailers";
  return value === value.trim();
}
