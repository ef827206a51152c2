import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { UpstreamIdentity } from "../runtime/connection.ts";
import { namesOf } from "./names.ts";

/** Who is at the ends of an upstream connection whose handshake is done; undefined where it has no TLS. */
export function upstreamIdentity(socket: Duplex): UpstreamIdentity | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const own = socket.getX509Certificate();
  // Without a CA nobody was verified.
  const peer = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return {
    ...(peer !== undefined && { peer: { uriSans: namesOf(peer).uri } }),
    localUriSans: own === undefined ? [] : namesOf(own).uri,
  };
}
