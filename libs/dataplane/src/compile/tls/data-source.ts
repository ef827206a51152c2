import { X509Certificate } from "node:crypto";
import type { DataSource } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Problems } from "../problems.ts";

/** Reads a file as text; throws where it cannot. */
export type ReadFile = (path: string) => string;

/** Certificates of one chain, and of one bundle of CAs, at most. */
const maxCertificates = 1000;

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads all certificates of a PEM text; at least one. */
export function parseCertificates(
  text: string,
  path: string,
  problems: Problems,
): readonly X509Certificate[] {
  const blocks = text.match(pemCertificate) ?? [];
  if (blocks.length === 0) problems.error(path, "malformed", "holds no certificate in PEM");
  if (blocks.length > maxCertificates) {
    problems.error(path, "too-many", `holds ${blocks.length} certificates, allowed are ${maxCertificates}`);
    return [];
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    problems.error(path, "malformed", `holds a certificate that cannot be read: ${(error as Error).message}`);
    return [];
  }
}

/** Reads a data source as text; undefined where it is absent or cannot be read, which is reported. */
export function readSource(
  source: DataSource | undefined,
  path: string,
  readFile: ReadFile,
  problems: Problems,
): string | undefined {
  const specifier = source?.specifier;
  switch (specifier?.case) {
    case "inlineString":
      return specifier.value;
    case "inlineBytes":
      return Buffer.from(specifier.value).toString("utf8");
    case "filename":
      try {
        return readFile(specifier.value);
      } catch (error) {
        problems.error(`${path}.filename`, "unreadable", (error as Error).message);
        return undefined;
      }
    case "environmentVariable":
      problems.error(path, "not-implemented", "secrets are not read from the environment");
      return undefined;
    case undefined:
      return undefined;
  }
}

/** The path of a source that is a file. */
export const filePath = (source: DataSource | undefined): string[] =>
  source?.specifier.case === "filename" ? [source.specifier.value] : [];
