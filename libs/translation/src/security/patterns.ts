import { isIP } from "node:net";
import type { StringMatch, TextMatch } from "../ir/index.ts";

/** Istio's patterns: `*` anything that is there, `abc*` a prefix, `*abc` a suffix, else the text itself. */
export function toPattern(text: string): TextMatch {
  if (text === "*") return { kind: "present" };
  if (text.startsWith("*")) return { kind: "suffix", value: text.slice(1) };
  if (text.endsWith("*")) return { kind: "prefix", value: text.slice(0, -1) };
  return { kind: "exact", value: text };
}

/** Any text but the empty one. */
export const anyText: StringMatch = { kind: "regex", value: ".+" };

/** The pattern where a match of presence alone is not to be had. */
export function toStringMatch(text: string): StringMatch {
  const pattern = toPattern(text);
  return pattern.kind === "present" ? anyText : pattern;
}

/** Text as a regular expression that matches it alone. */
export function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A pattern with `*` anywhere as a regular expression; `anything` is what `*` stands for. */
export function wildcardRegex(text: string, anything: string): string {
  return text.split("*").map(escapeRegex).join(anything);
}

/** The pattern behind a fixed beginning; `*` alone takes any text, whatever it begins with. */
export function prefixedMatch(prefix: string, text: string): StringMatch {
  const pattern = toStringMatch(text);
  switch (pattern.kind) {
    case "suffix":
      return { kind: "regex", value: `${escapeRegex(prefix)}.*${escapeRegex(pattern.value)}` };
    case "prefix":
    case "exact":
      return { kind: pattern.kind, value: `${prefix}${pattern.value}` };
    default:
      return pattern;
  }
}

/** A range of addresses. */
export interface Block {
  readonly address: string;
  readonly length: number;
}

/** Reads `10.0.0.0/8`; a lone address stands for itself. Undefined for what is neither. */
export function parseBlock(text: string): Block | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return undefined;
  const longest = family === 6 ? 128 : 32;
  if (length === undefined) return { address, length: longest };
  return /^\d{1,3}$/.test(length) && Number(length) <= longest
    ? { address, length: Number(length) }
    : undefined;
}

/** Reads a port, 0 to 65535; undefined for what is none. */
export function parsePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}
