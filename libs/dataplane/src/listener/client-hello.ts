/** What the first bytes of a connection say about TLS. */
export type ClientHelloResult =
  | { readonly kind: "need-more" }
  | { readonly kind: "not-tls" }
  | {
      readonly kind: "tls";
      /** Lower case; empty where the client names no server. */
      readonly serverName: string;
      /** In the client's order. */
      readonly applicationProtocols: readonly string[];
    };

/** A client hello is not longer than this, records and all; longer ones are read as TLS without names. */
export const maxClientHelloBytes = 65_536;

const needMore: ClientHelloResult = { kind: "need-more" };
const notTls: ClientHelloResult = { kind: "not-tls" };
const noNames: ClientHelloResult = { kind: "tls", serverName: "", applicationProtocols: [] };

const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const alpnExtension = 16;

/**
 * Reads a TLS client hello from what has arrived so far, which may end anywhere and be split over records. Never
 * throws: what starts like TLS and then makes no sense is TLS without names, so that the handshake reports it.
 * https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2
 */
export function parseClientHello(data: Buffer): ClientHelloResult {
  if (data.length === 0) return needMore;
  if (data[0] !== handshakeRecord) return notTls;
  if (data.length >= 2 && data[1] !== 3) return notTls;
  const message = joinRecords(data);
  if (message.length < 4) return endOf(data, message.complete);
  const { bytes } = message;
  if (bytes[0] !== clientHello) return notTls;
  const length = bytes.readUIntBE(1, 3);
  if (length > maxClientHelloBytes) return noNames;
  if (bytes.length < 4 + length) return endOf(data, message.complete);
  return readHello(bytes.subarray(4, 4 + length));
}

const endOf = (data: Buffer, complete: boolean) =>
  complete && data.length < maxClientHelloBytes ? needMore : noNames;

/** The handshake bytes of all records so far; `complete` is false where a record is of another kind. */
function joinRecords(data: Buffer): { bytes: Buffer; length: number; complete: boolean } {
  const parts: Buffer[] = [];
  let complete = true;
  for (let offset = 0; offset + 5 <= data.length; ) {
    if (data[offset] !== handshakeRecord) {
      complete = false;
      break;
    }
    const end = offset + 5 + data.readUInt16BE(offset + 3);
    parts.push(data.subarray(offset + 5, end));
    offset = end;
  }
  const bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  return { bytes, length: bytes.length, complete };
}

/** Takes values off the front; a read beyond the end gives undefined, and so do all reads after it. */
class Reader {
  #rest: Buffer | undefined;
  constructor(data: Buffer) {
    this.#rest = data;
  }
  get done(): boolean {
    return this.#rest === undefined || this.#rest.length === 0;
  }
  take(count: number): Buffer | undefined {
    const rest = this.#rest;
    if (rest === undefined || rest.length < count) {
      this.#rest = undefined;
      return undefined;
    }
    this.#rest = rest.subarray(count);
    return rest.subarray(0, count);
  }
  number(size: 1 | 2): number | undefined {
    return this.take(size)?.readUIntBE(0, size);
  }
  /** A vector with its length in front. */
  vector(size: 1 | 2): Buffer | undefined {
    const length = this.number(size);
    return length === undefined ? undefined : this.take(length);
  }
}

function readHello(body: Buffer): ClientHelloResult {
  const reader = new Reader(body);
  reader.take(2 + 32); // version, random
  reader.vector(1); // session id
  reader.vector(2); // cipher suites
  reader.vector(1); // compression methods
  const extensions = new Reader(reader.vector(2) ?? Buffer.alloc(0));
  let serverName = "";
  let applicationProtocols: readonly string[] = [];
  while (!extensions.done) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (content === undefined) break;
    if (type === serverNameExtension) serverName = readServerName(content);
    if (type === alpnExtension) applicationProtocols = readProtocols(content);
  }
  return { kind: "tls", serverName, applicationProtocols };
}

/** https://www.rfc-editor.org/rfc/rfc6066#section-3 */
function readServerName(content: Buffer): string {
  const names = new Reader(new Reader(content).vector(2) ?? Buffer.alloc(0));
  while (!names.done) {
    const type = names.number(1);
    const name = names.vector(2);
    if (type === 0 && name !== undefined) return name.toString("latin1").toLowerCase();
  }
  return "";
}

/** https://www.rfc-editor.org/rfc/rfc7301#section-3.1 */
function readProtocols(content: Buffer): readonly string[] {
  const list = new Reader(new Reader(content).vector(2) ?? Buffer.alloc(0));
  const protocols: string[] = [];
  while (!list.done) {
    const name = list.vector(1);
    if (name !== undefined) protocols.push(name.toString("latin1"));
  }
  return protocols;
}
