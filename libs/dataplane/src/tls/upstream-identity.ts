import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { UpstreamIdentity, UpstreamPeer } from "../runtime/connection.ts";
import { namesOf } from "./names.ts";

const resumedPeer = Symbol("the peer of the session that a socket may resume");

interface ResumingSocket {
  [resumedPeer]?: UpstreamPeer | undefined;
}

/** Notes whose session a socket offers to resume: a resumed handshake shows no certificate. */
export function noteResumedPeer(socket: TLSSocket & ResumingSocket, peer: UpstreamPeer | undefined): void {
  socket[resumedPeer] = peer;
}

/** Who is at the ends of an upstream connection whose handshake is done; undefined where it has no TLS. */
export function upstreamIdentity(socket: Duplex): UpstreamIdentity | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const own = socket.getX509Certificate();
  const peer = socket.isSessionReused() ? (socket as ResumingSocket)[resumedPeer] : verifiedPeer(socket);
  return {
    ...(peer !== undefined && { peer }),
    localUriSans: own === undefined ? [] : namesOf(own).uri,
  };
}

/** Undefined where nobody was verified: without a CA. */
function verifiedPeer(socket: TLSSocket): UpstreamPeer | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate && { uriSans: namesOf(certificate).uri };
}
