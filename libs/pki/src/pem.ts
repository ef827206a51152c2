import { PkiError } from "./error.ts";

/** One block of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `CERTIFICATE REQUEST`, `PRIVATE KEY` … */
  readonly label: string;
  readonly der: Buffer;
}

/** Largest PEM text that is read; a bundle of some hundred roots. */
export const maxPemBytes = 1 << 20;

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads all blocks of a PEM text. Text between blocks is left out, as RFC 7468 allows; within a block nothing but base64 is taken.
 * Throws `bad-pem`. https://www.rfc-editor.org/rfc/rfc7468
 */
export function parsePem(text: string): PemBlock[] {
  if (text.length > maxPemBytes) {
    throw new PkiError("bad-pem", `PEM text of ${text.length} bytes, allowed are ${maxPemBytes}`);
  }
  const blocks: PemBlock[] = [];
  let open: { label: string; lines: string[] } | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    const label = /^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----$/.exec(line);
    if (label?.[1] === "BEGIN") {
      if (open) throw new PkiError("bad-pem", `PEM block ${open.label} has no end`);
      open = { label: label[2] ?? "", lines: [] };
    } else if (label?.[1] === "END") {
      if (open?.label !== label[2]) throw new PkiError("bad-pem", `PEM: END ${label[2]} without its BEGIN`);
      blocks.push({ label: open?.label ?? "", der: decode(open?.lines ?? [], open?.label ?? "") });
      open = undefined;
    } else open?.lines.push(line);
  }
  if (open) throw new PkiError("bad-pem", `PEM block ${open.label} has no end`);
  return blocks;
}

/** Reads a text that holds exactly one block, of one of the labels. */
export function parseOnePem(text: string, labels: readonly string[]): PemBlock {
  const blocks = parsePem(text);
  const [first] = blocks;
  if (first === undefined || blocks.length > 1) {
    throw new PkiError("bad-pem", `expected one PEM block (${labels.join(" or ")}), found ${blocks.length}`);
  }
  if (!labels.includes(first.label)) {
    throw new PkiError("bad-pem", `expected a PEM block ${labels.join(" or ")}, found ${first.label}`);
  }
  return first;
}

/** Writes one block, ended by a newline. */
export function formatPem(label: string, der: Uint8Array): string {
  const text = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString("base64");
  return `-----BEGIN ${label}-----\n${text.replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
}

function decode(lines: readonly string[], label: string): Buffer {
  const text = lines.join("");
  if (!base64.test(text) || text.length % 4 !== 0) {
    throw new PkiError("bad-pem", `PEM block ${label} is not base64`);
  }
  return Buffer.from(text, "base64");
}
