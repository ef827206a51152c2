import type { LogFormat } from "../ir/index.ts";

/** Command operators that Envoy has in extensions of their own, by the word they begin with. */
const extensions = [
  ["%CEL", "envoy.formatter.cel"],
  ["%METADATA", "envoy.formatter.metadata"],
  ["%REQ_WITHOUT_QUERY", "envoy.formatter.req_without_query"],
] as const;

/** An extension that a log format may ask for. */
export type FormatterName = (typeof extensions)[number][1];

/** The extensions that a format asks for. */
export function formattersOf(format: LogFormat): readonly FormatterName[] {
  const text = format.kind === "text" ? format.text : JSON.stringify(format.fields);
  return extensions.flatMap(([word, name]) => (text.includes(word) ? [name] : []));
}
