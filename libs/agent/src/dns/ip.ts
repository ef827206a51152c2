import { isIPv4, isIPv6 } from "node:net";

/** The bytes of an address as a record holds them: 4 or 16; undefined for what is no address. */
export function ipBytes(text: string): Buffer | undefined {
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const [bare = ""] = text.split("%"); // a zone is of no use to others
  return isIPv6(bare) ? ipv6Bytes(bare) : undefined;
}

function ipv6Bytes(text: string): Buffer {
  const [head = "", tail] = text.split("::");
  const front = groups(head);
  const back = groups(tail ?? "");
  const bytes = Buffer.alloc(16);
  Buffer.from(front).copy(bytes);
  Buffer.from(back).copy(bytes, 16 - back.length);
  return bytes;
}

/** `fd00:1` and `ffff:10.0.0.1` as bytes. */
function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
