/**
 * The part of DNS' wire format that a proxy needs: the question of a query, and answers of addresses with one name before them.
 * Whatever else a query holds is passed on, and comes back, as the bytes it is. Names are compressed, which packet libraries for Node
 * do not do: 28 addresses of a pod's name fit into 512 bytes instead of 6.
 * https://www.rfc-editor.org/rfc/rfc1035#section-4, https://www.rfc-editor.org/rfc/rfc6891
 */

/** Types of records. */
export const recordType = { a: 1, cname: 5, aaaa: 28, opt: 41 } as const;

/** Codes of answers. */
export const rcode = { success: 0, formatError: 1, serverFailure: 2, notImplemented: 4, refused: 5 } as const;

/** The Internet's class of records. */
export const classInternet = 1;

/** What a client takes over UDP where it says nothing: 512 bytes. */
export const minUdpSize = 512;

/** The most that a message has over TCP. */
export const maxMessageSize = 65_535;

const headerSize = 12;
const responseFlag = 0x8000;
const authoritativeFlag = 0x0400;
const truncatedFlag = 0x0200;
const recursionAvailableFlag = 0x0080;
/** What an answer takes over from the query: opcode, RD and CD. */
const copiedFlags = 0x7910;
/** Our own limit over UDP, told where the client has told its. */
const ownUdpSize = 1232;

/** One query with one question. */
export interface DnsQuery {
  readonly bytes: Buffer;
  readonly id: number;
  /** In lower case, with the dot of the root at its end; a dot within a label as `\.`. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Where the question ends. */
  readonly questionEnd: number;
  /** The largest answer that is taken over UDP, bytes. */
  readonly udpSize: number;
  /** The client knows of EDNS. */
  readonly edns: boolean;
}

/** A message that is no DNS, or more of it than is understood here. */
class MessageError extends Error {
  readonly code = "bad-dns-message";
}

/**
 * Reads a query. What is none gives the answer for it instead; nothing at all for what is a response or too short to be answered, as
 * two servers could otherwise talk to each other for ever.
 */
export function decodeQuery(
  bytes: Buffer,
): { readonly query: DnsQuery } | { readonly reply: Buffer } | undefined {
  if (bytes.length < headerSize) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & responseFlag) !== 0) return undefined;
  if ((flags & 0x7800) !== 0) return { reply: bareReply(bytes, rcode.notImplemented) };
  if (bytes.readUInt16BE(4) !== 1) return { reply: bareReply(bytes, rcode.formatError) };
  try {
    const { name, end } = readName(bytes, headerSize);
    const questionEnd = end + 4;
    if (questionEnd > bytes.length) throw new MessageError("the question is cut off");
    const udpSize = findUdpSize(bytes, questionEnd);
    return {
      query: {
        bytes,
        id: bytes.readUInt16BE(0),
        name,
        type: bytes.readUInt16BE(end),
        class: bytes.readUInt16BE(end + 2),
        questionEnd,
        udpSize: Math.max(minUdpSize, udpSize ?? 0),
        edns: udpSize !== undefined,
      },
    };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return { reply: bareReply(bytes, rcode.formatError) };
  }
}

/** Reads a name of the question section: there is nothing yet that it could point at. */
function readName(bytes: Buffer, start: number): { name: string; end: number } {
  let at = start;
  let name = "";
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new MessageError("a name is cut off");
    at++;
    if (length === 0) break;
    if (length > 63) throw new MessageError("a label is longer than 63 bytes");
    if (at + length > bytes.length) throw new MessageError("a label is cut off");
    name += `${bytes.toString("latin1", at, at + length).replace(/[.\\]/g, "\\$&")}.`;
    at += length;
    if (at - start > 254) throw new MessageError("a name is longer than 255 bytes");
  }
  // Only ASCII has cases here: https://www.rfc-editor.org/rfc/rfc4343
  return { name: name === "" ? "." : name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()), end: at };
}

/** The size that the OPT record behind the question tells, if there is one. Walks all records, and finds what is cut off. */
function findUdpSize(bytes: Buffer, questionEnd: number): number | undefined {
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  let at = questionEnd;
  let size: number | undefined;
  for (let i = 0; i < records; i++) {
    at = skipName(bytes, at);
    if (at + 10 > bytes.length) throw new MessageError("a record is cut off");
    if (bytes.readUInt16BE(at) === recordType.opt) size = bytes.readUInt16BE(at + 2);
    at += 10 + bytes.readUInt16BE(at + 8);
    if (at > bytes.length) throw new MessageError("a record's data is cut off");
  }
  return size;
}

function skipName(bytes: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new MessageError("a name is cut off");
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2; // a pointer ends a name
    if (length > 63) throw new MessageError("a label is longer than 63 bytes");
    at += 1 + length;
  }
}

/** A header alone, for a query that cannot be read. */
function bareReply(query: Buffer, code: number): Buffer {
  const reply = Buffer.alloc(headerSize);
  query.copy(reply, 0, 0, 2);
  reply.writeUInt16BE(responseFlag | (query.readUInt16BE(2) & copiedFlags) | code, 2);
  return reply;
}

/** What is answered to a query. */
export interface DnsAnswer {
  readonly rcode: number;
  readonly authoritative?: boolean;
  /** The name asked for is another one's, whose the addresses are; with a dot at its end. */
  readonly cname?: string;
  /** Of 4 bytes for A, of 16 for AAAA. */
  readonly addresses?: readonly Buffer[];
  /** Seconds that the answer may be kept. */
  readonly ttl?: number;
}

/** Writes an answer of `limit` bytes at most. Addresses that have no room are left out, and the answer says that it is truncated. */
export function encodeAnswer(query: DnsQuery, answer: DnsAnswer, limit: number): Buffer {
  const { cname, addresses = [], ttl = 0 } = answer;
  const reply = Buffer.alloc(Math.min(limit, maxMessageSize));
  let at = query.bytes.copy(reply, 0, 0, query.questionEnd);
  const opt = query.edns ? optRecord() : Buffer.alloc(0);
  const room = () => reply.length - opt.length - at;
  let count = 0;
  let truncated = false;
  /** Writes a record if there is room; where its data begins. */
  const record = (owner: number, type: number, data: Buffer): number | undefined => {
    if (truncated || room() < 12 + data.length) {
      truncated = true;
      return undefined;
    }
    reply.writeUInt16BE(0xc000 | owner, at); // a pointer to a name further up
    reply.writeUInt16BE(type, at + 2);
    reply.writeUInt16BE(classInternet, at + 4);
    reply.writeUInt32BE(ttl, at + 6);
    reply.writeUInt16BE(data.length, at + 10);
    data.copy(reply, at + 12);
    at += 12 + data.length;
    count++;
    return at - data.length;
  };
  let owner = headerSize;
  if (cname !== undefined) owner = record(owner, recordType.cname, nameBytes(cname)) ?? owner;
  for (const data of addresses) record(owner, data.length === 4 ? recordType.a : recordType.aaaa, data);
  at += opt.copy(reply, at);
  const flags =
    responseFlag |
    (query.bytes.readUInt16BE(2) & copiedFlags) |
    recursionAvailableFlag |
    (answer.authoritative === true ? authoritativeFlag : 0) |
    (truncated ? truncatedFlag : 0) |
    answer.rcode;
  reply.writeUInt16BE(flags, 2);
  reply.writeUInt16BE(count, 6);
  reply.writeUInt16BE(0, 8);
  reply.writeUInt16BE(opt.length > 0 ? 1 : 0, 10);
  return reply.subarray(0, at);
}

/** A client that sends an OPT record must get one; https://www.rfc-editor.org/rfc/rfc6891#section-6.1.1 */
function optRecord(): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(recordType.opt, 1);
  opt.writeUInt16BE(ownUdpSize, 3);
  return opt;
}

/** `web.example.com.` as labels. The names are those of a table, whose hosts are valid names. */
function nameBytes(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])),
    Buffer.alloc(1),
  ]);
}

/** Whether a message is the response to a query that was sent under this id: the question must be the same, too. */
export function isResponseTo(query: DnsQuery, id: number, message: Buffer): boolean {
  if (message.length < headerSize || message.readUInt16BE(0) !== id) return false;
  if ((message.readUInt16BE(2) & responseFlag) === 0) return false;
  // A server that could not read the question does not repeat it.
  if (message.readUInt16BE(4) === 0) return codeOf(message) !== rcode.success;
  const asked = query.bytes.toString("latin1", headerSize, query.questionEnd).toLowerCase();
  return message.toString("latin1", headerSize, query.questionEnd).toLowerCase() === asked;
}

/** The code of a response. */
export function codeOf(response: Buffer): number {
  return response.readUInt16BE(2) & 0x0f;
}

/** Whether a response says that it is not whole. */
export function isTruncated(response: Buffer): boolean {
  return (response.readUInt16BE(2) & truncatedFlag) !== 0;
}

/** The same message under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** A response that is too large for the client, without its records: the client asks again over TCP. */
export function truncate(query: DnsQuery, response: Buffer): Buffer {
  const cut = encodeAnswer(query, { rcode: codeOf(response) }, query.udpSize);
  cut.writeUInt16BE(cut.readUInt16BE(2) | truncatedFlag, 2);
  return cut;
}
