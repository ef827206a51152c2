const redacted = "[redacted]";

/** Fields of Envoy's messages that hold what must not be seen; those that Envoy marks as sensitive. */
const sensitive = new Set([
  "private_key",
  "password",
  "pkcs12",
  "session_ticket_keys",
  "generic_secret",
  "private_key_provider",
]);

/** A copy of JSON of Envoy's messages in which sensitive fields show `[redacted]` for what they hold. */
export function redact<T>(json: T): T {
  return walk(json, false) as T; // the same shape
}

function walk(value: unknown, hidden: boolean, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => walk(item, hidden, key));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, walk(item, hidden || sensitive.has(name), name)]),
    );
  }
  if (!hidden || typeof value !== "string" || key === "filename") return value;
  // Bytes are written as base64.
  return key === "inline_bytes" ? Buffer.from(redacted).toString("base64") : redacted;
}
