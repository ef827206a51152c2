import type { X509Certificate } from "node:crypto";

/** Subject alternative names of a certificate, by kind. */
export interface CertificateNames {
  readonly uri: readonly string[];
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly email: readonly string[];
}

const kinds: Readonly<Record<string, keyof CertificateNames>> = {
  URI: "uri",
  DNS: "dns",
  "IP Address": "ip",
  email: "email",
};

/**
 * Reads the names as Node writes them: `kind:value`, with `, ` between; a value that could be mistaken is quoted as
 * JSON. https://nodejs.org/api/crypto.html#x509subjectaltname
 */
export function namesOf({ subjectAltName }: Pick<X509Certificate, "subjectAltName">): CertificateNames {
  const names = { uri: [] as string[], dns: [] as string[], ip: [] as string[], email: [] as string[] };
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  const text = subjectAltName ?? "";
  while (entry.lastIndex < text.length) {
    const match = entry.exec(text);
    // Nothing of a list that cannot be read to its end is believed.
    if (match === null) return { uri: [], dns: [], ip: [], email: [] };
    const [, kind = "", value = ""] = match;
    const list = kinds[kind];
    if (list !== undefined) names[list].push(value.startsWith('"') ? (JSON.parse(value) as string) : value);
  }
  return names;
}

/** A distinguished name as in RFC 2253: the last part first. Node writes a line for each part, escaped already. */
export function formatSubject({ subject }: Pick<X509Certificate, "subject">): string {
  return (subject ?? "").split("\n").reverse().join(",");
}
