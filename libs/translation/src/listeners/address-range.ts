import { isIP } from "node:net";

/** A range of addresses, by its first address and how many bits of it count. */
export interface AddressRange {
  readonly address: string;
  readonly length: number;
}

/** Numbers of the groups of an IPv6 address, `::` written out. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const parse = (text: string) =>
    text === ""
      ? []
      : text.split(":").flatMap((group) => {
          if (!group.includes(".")) return [Number.parseInt(group, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  const [first, last] = [parse(head), parse(tail ?? "")];
  return tail === undefined ? first : [...first, ...Array(8 - first.length - last.length).fill(0), ...last];
}

function masked(parts: readonly number[], bits: number, length: number): readonly number[] {
  return parts.map((part, i) => {
    const kept = Math.min(Math.max(length - i * bits, 0), bits);
    return part - (part % 2 ** (bits - kept));
  });
}

/**
 * A range whose address has nothing but zeros behind the bits that count, so that equal ranges read alike: Envoy takes
 * each once.
 */
export function normalRange(address: string, length: number): AddressRange {
  if (isIP(address) === 4)
    return { address: masked(address.split(".").map(Number), 8, length).join("."), length };
  if (isIP(address) !== 6) return { address, length };
  const groups = masked(groupsOf(address), 16, length).map((group) => group.toString(16));
  return { address: compressed(groups.join(":")), length };
}

/** An IPv6 address with its longest run of zeros left out. */
function compressed(address: string): string {
  const runs = address.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return address;
  return address.replace(new RegExp(`(^|:)${longest}(:|$)`), "::");
}
