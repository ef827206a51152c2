const hidden = new Set(["level", "time", "component", "message", "err"]);

function formatValue(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/**
 * Turns one JSON log line into one line for people: `10:44:05.123 info  pilot  message key=value`. An error's stack follows
 * on lines of its own. Text that is no JSON object comes back as it was.
 */
export function formatPretty(line: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>; // a logger's own lines are objects
  } catch {
    return line; // not ours: better shown raw than lost
  }
  const time = String(fields.time ?? "").slice(11, 23);
  const rest = Object.entries(fields)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => ` ${name}=${formatValue(value)}`)
    .join("");
  const error = fields.err as { message?: string; stack?: string } | undefined; // pino's error serializer's shape
  const trace =
    error === undefined ? "" : `\n  ${(error.stack ?? error.message ?? "").replaceAll("\n", "\n  ")}`;
  return `${time} ${String(fields.level).padEnd(5)} ${fields.component}  ${fields.message ?? ""}${rest}${trace}\n`;
}
