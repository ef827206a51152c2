import { createRequire } from "node:module";
import type { Socket } from "node:net";
import type { SocketAddress } from "../runtime/connection.ts";

/** Asks where a connection was headed before it was redirected to this process; undefined where it was not. */
export type OriginalDestinationLookup = (socket: Socket) => SocketAddress | undefined;

const solIp = 0;
const solIpv6 = 41;
const soOriginalDst = 80; // the same number in both families
const addressFamilyIpv4 = 2;

/**
 * Creates the lookup by `getsockopt(SO_ORIGINAL_DST)`, as iptables' REDIRECT leaves it. Node has no getsockopt, so libc
 * is called through koffi, which is loaded here and nowhere else: only a Linux proxy behind iptables pays for it.
 * https://man7.org/linux/man-pages/man8/iptables-extensions.8.html
 */
export function createOriginalDestinationLookup(platform: NodeJS.Platform): OriginalDestinationLookup {
  if (platform !== "linux") return () => undefined;
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi"); // a CommonJS package, loaded late
  const getsockopt = koffi
    .load(null)
    .func("int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)");
  return (socket) => {
    const fd = fileDescriptorOf(socket);
    if (fd === undefined) return undefined;
    const level = socket.remoteFamily === "IPv6" && !isMapped(socket.remoteAddress) ? solIpv6 : solIp;
    const value = Buffer.alloc(28);
    const length = [value.length];
    return getsockopt(fd, level, soOriginalDst, value, length) === 0 ? parseSockaddr(value) : undefined;
  };
}

const isMapped = (address: string | undefined) => address?.startsWith("::ffff:") === true;

/** Node keeps the descriptor on the socket's handle, which has no public name. */
function fileDescriptorOf(socket: Socket): number | undefined {
  const fd = (socket as { _handle?: { fd?: unknown } })._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

/** Reads a `sockaddr_in` or `sockaddr_in6`; undefined for other families. */
export function parseSockaddr(value: Buffer): SocketAddress | undefined {
  const family = value.readUInt16LE(0); // in host order; Node's platforms are little-endian
  const port = value.readUInt16BE(2);
  if (family === addressFamilyIpv4) return { address: value.subarray(4, 8).join("."), port };
  if (family !== 10) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(8 + i * 2).toString(16));
  // The URL parser writes IPv6 in its shortest form.
  return { address: new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1), port };
}
