import { envoy } from "./envoy.ts";
import type { Peer } from "./peer.ts";

/** All peers, in the order they are installed: what most tests need comes first. */
export const peers: readonly Peer[] = [envoy];
