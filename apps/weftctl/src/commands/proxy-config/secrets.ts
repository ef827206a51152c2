import { X509Certificate } from "node:crypto";
import { formatTable } from "../../output/table.ts";
import { type Json, object, text } from "./config-dump.ts";

/** A secret of a proxy, and whether it is in use. */
export interface DumpedSecret {
  readonly name: string;
  readonly state: "ACTIVE" | "WARMING";
  /** Envoy's Secret. */
  readonly secret: Json;
}

/** A line of the table: a certificate of a secret. */
interface Row {
  readonly type: string;
  readonly certificate: X509Certificate | undefined;
}

const header = ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"];

/** A row for each certificate, the leaf of a chain first, as istioctl shows them; `now`: milliseconds since the epoch. */
export function secretTable(secrets: readonly DumpedSecret[], now: number): string {
  if (secrets.length === 0) return "No active or warming secrets found.\n";
  const rows = secrets.flatMap(({ name, state, secret }) =>
    rowsOf(secret).map(({ type, certificate }) => [name, type, state, ...describe(certificate, now)]),
  );
  return formatTable(header, rows);
}

/** The roots that a proxy verifies the mesh's workloads by: its secret ROOTCA. */
export function readRoots(secrets: readonly DumpedSecret[]): readonly X509Certificate[] {
  return secrets
    .filter(({ name, state }) => name === "ROOTCA" && state === "ACTIVE")
    .flatMap(({ secret }) => parseDataSource(object(object(secret.validation_context).trusted_ca)));
}

function rowsOf(secret: Json): readonly Row[] {
  const chain = object(secret.tls_certificate).certificate_chain;
  const roots = object(secret.validation_context).trusted_ca;
  const type = chain !== undefined ? "Cert Chain" : roots !== undefined ? "CA" : "-";
  const certificates = parseDataSource(object(chain ?? roots));
  // A secret that is waited for, or kept in a file, has a line of its own, too.
  if (certificates.length === 0) return [{ type, certificate: undefined }];
  return certificates.map((certificate) => ({ type, certificate }));
}

function parseDataSource({ inline_bytes, inline_string }: Json): readonly X509Certificate[] {
  const pem = text(inline_string) || Buffer.from(text(inline_bytes), "base64").toString("latin1");
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function describe(certificate: X509Certificate | undefined, now: number): readonly string[] {
  if (certificate === undefined) return ["false", "-", "-", "-"];
  const { serialNumber, validFromDate, validToDate } = certificate;
  const valid = validFromDate.getTime() <= now && now <= validToDate.getTime();
  return [
    String(valid),
    serialNumber.toLowerCase().replace(/^0+(?=.)/, ""),
    formatTime(validToDate),
    formatTime(validFromDate),
  ];
}

/** RFC 3339, in whole seconds, as certificates have them. */
function formatTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
