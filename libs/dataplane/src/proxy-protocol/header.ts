import { isIP } from "node:net";
import type { SocketAddress } from "../runtime/connection.ts";

/** https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt */
const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** Longest line of version 1, its end included. */
const maxLine = 107;
/** What stands before the addresses of version 2. */
const fixedLength = 16;

/** Both ends of a connection as the side that has accepted it sees them. */
export interface ProxiedAddresses {
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
}

/** What the first bytes of a connection say by the PROXY protocol. */
export type ProxyHeader =
  | { readonly kind: "need-more" }
  /** They are no header. */
  | { readonly kind: "absent" }
  | { readonly kind: "invalid"; readonly version: 1 | 2; readonly reason: string }
  | {
      readonly kind: "found";
      readonly version: 1 | 2;
      /** Bytes that the header takes. */
      readonly length: number;
      /** Absent where the sender speaks for itself (LOCAL, UNKNOWN). */
      readonly addresses?: ProxiedAddresses;
    };

/** Reads a header of version 1 or 2 off the first bytes; never more than 64 KiB are asked for. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, signature))
    return bytes.length < fixedLength ? { kind: "need-more" } : parseBinary(bytes);
  if (startsLike(bytes, Buffer.from("PROXY ")))
    return bytes.length < 6 ? { kind: "need-more" } : parseLine(bytes);
  return { kind: "absent" };
}

/** True where the bytes are the beginning of the mark, or begin with it. */
function startsLike(bytes: Buffer, mark: Buffer): boolean {
  const count = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, count).equals(mark.subarray(0, count));
}

function parseLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, maxLine).indexOf("\r\n");
  const invalid = (reason: string) => ({ kind: "invalid", version: 1, reason }) as const;
  if (end === -1) return bytes.length < maxLine ? { kind: "need-more" } : invalid("the line has no end");
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] = bytes
    .toString("latin1", 0, end)
    .split(" ");
  const found = { kind: "found", version: 1, length: end + 2 } as const;
  if (family === "UNKNOWN") return found;
  const kind = { TCP4: 4, TCP6: 6 }[family ?? ""];
  if (kind === undefined) return invalid(`"${family}" is no protocol: TCP4, TCP6 or UNKNOWN`);
  if (more.length > 0 || isIP(source) !== kind || isIP(destination) !== kind) return invalid("bad addresses");
  const ports = [parsePort(sourcePort), parsePort(destinationPort)];
  if (ports[0] === undefined || ports[1] === undefined) return invalid("bad ports");
  return {
    ...found,
    addresses: {
      source: { address: source, port: ports[0] },
      destination: { address: destination, port: ports[1] },
    },
  };
}

function parsePort(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const invalid = (reason: string) => ({ kind: "invalid", version: 2, reason }) as const;
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2) return invalid("its version is not 2");
  const command = versionAndCommand & 15;
  if (command > 1) return invalid("its command is neither LOCAL nor PROXY");
  const family = bytes.readUInt8(13);
  const length = fixedLength + bytes.readUInt16BE(14);
  if (bytes.length < length) return { kind: "need-more" };
  const found = { kind: "found", version: 2, length } as const;
  // AF_UNSPEC and Unix sockets: nothing that an address could be made of.
  if (command === 0 || family === 0 || family >> 4 === 3) return found;
  const size = { 17: 4, 33: 16 }[family];
  if (size === undefined) return invalid("its transport is not TCP");
  if (length < fixedLength + 2 * size + 4) return invalid("it is too short for its addresses");
  const ports = fixedLength + 2 * size;
  return {
    ...found,
    addresses: {
      source: { address: toText(bytes, fixedLength, size), port: bytes.readUInt16BE(ports) },
      destination: { address: toText(bytes, fixedLength + size, size), port: bytes.readUInt16BE(ports + 2) },
    },
  };
}

function toText(bytes: Buffer, at: number, size: number): string {
  if (size === 4) return bytes.subarray(at, at + 4).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + i * 2).toString(16));
  // The URL parser writes IPv6 in its shortest form.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Writes a header. Without addresses (or with a mix of families) it says that the sender speaks for itself. */
export function formatProxyHeader(version: 1 | 2, addresses: ProxiedAddresses | undefined): Buffer {
  const family = addresses === undefined ? 0 : isIP(addresses.source.address);
  if (addresses === undefined || family === 0 || isIP(addresses.destination.address) !== family)
    return version === 1
      ? Buffer.from("PROXY UNKNOWN\r\n")
      : Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])]);
  const { source, destination } = addresses;
  if (version === 1)
    return Buffer.from(
      `PROXY TCP${family} ${source.address} ${destination.address} ${source.port} ${destination.port}\r\n`,
    );
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const body = Buffer.concat([toBytes(source.address), toBytes(destination.address), ports]);
  const head = Buffer.from([0x21, family === 4 ? 0x11 : 0x21, body.length >> 8, body.length & 255]);
  return Buffer.concat([signature, head, body]);
}

function toBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const parse = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const before = parse(head);
  const after = parse(tail ?? "");
  const groups = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 255]));
}
