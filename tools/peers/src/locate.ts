import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Peer, PeerError } from "./peer.ts";
import { peers } from "./peers.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The cache: `$WEFT_CACHE/peers`, or `~/.cache/weft/peers`. Outside the checkout, so that all checkouts share it. */
export function peersFolder(env: Environment): string {
  return env.WEFT_CACHE ? join(env.WEFT_CACHE, "peers") : join(homedir(), ".cache/weft/peers");
}

/** The folder of one version of one peer. */
export function peerFolder(peer: Peer, env: Environment): string {
  return join(peersFolder(env), `${peer.name}-${peer.version}`);
}

/**
 * The path of a peer's executable, or of its folder where it has several: what the peer's own environment variable names (`ENVOY_BIN`), else the one in the
 * cache; undefined where neither is there. A variable that names no file is an error, not a reason to look further.
 *
 * @throws PeerError for a name that is in no registry, and for a variable that names no file.
 */
export function findPeer(name: string, env: Environment = process.env): string | undefined {
  const peer = peers.find((candidate) => candidate.name === name);
  if (!peer) {
    throw new PeerError(`no peer "${name}"; there is ${peers.map((known) => known.name).join(", ")}`);
  }
  const named = env[peer.env];
  if (named) {
    if (!existsSync(named)) throw new PeerError(`${peer.env} names ${named}, which is not there`);
    return named;
  }
  const cached = join(peerFolder(peer, env), peer.place);
  return existsSync(cached) ? cached : undefined;
}
