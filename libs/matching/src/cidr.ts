import { isIPv4, isIPv6 } from "node:net";
import { MatcherError } from "./error.ts";

/** An address block: an IP address and how many of its leading bits count. */
export interface CidrRange {
  readonly address: string;
  readonly prefixLength: number;
}

/** An IP address as a number; IPv4-mapped IPv6 addresses are IPv4. */
export interface IpNumber {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Parses an IP address; undefined where the text is none. */
export function parseIp(text: string): IpNumber | undefined {
  if (isIPv4(text)) {
    return { family: 4, value: text.split(".").reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
  }
  const bare = text.split("%")[0] ?? "";
  if (!isIPv6(bare)) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return parseIp(mapped);
  return { family: 6, value: groupsOf(bare).reduce((value, group) => (value << 16n) | BigInt(group), 0n) };
}

function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined) =>
    ((Number(high) << 8) | Number(low)).toString(16);
  const text =
    dotted === null ? address : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head = "", tail] = text.split("::");
  const parse = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const left = parse(head);
  if (tail === undefined) return left;
  const right = parse(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/**
 * Compiles a block to a test of addresses; a text that is no address is in no block.
 * @throws {MatcherError} `invalid-address`
 */
export function compileRange({ address, prefixLength }: CidrRange): (ip: IpNumber) => boolean {
  const base = parseIp(address);
  if (base === undefined)
    throw new MatcherError(
      "invalid-address",
      `"${address}" is no IP address, needed is one such as 10.0.0.0`,
    );
  const shift = BigInt(Math.max(0, (base.family === 4 ? 32 : 128) - prefixLength));
  const block = base.value >> shift;
  return (ip) => ip.family === base.family && ip.value >> shift === block;
}

/** True where `range` holds `ip`; a range that is no valid address holds nothing. */
export function rangeContains(range: CidrRange, ip: IpNumber): boolean {
  const base = parseIp(range.address);
  if (base === undefined || base.family !== ip.family) return false;
  const shift = BigInt(Math.max(0, (ip.family === 4 ? 32 : 128) - range.prefixLength));
  return base.value >> shift === ip.value >> shift;
}
