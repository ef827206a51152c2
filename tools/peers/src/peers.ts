import { envoy } from "./envoy.ts";
import { natsServer } from "./nats-server.ts";
import type { Peer } from "./peer.ts";

/** All peers, in the order they are installed: what most tests need comes first. */
export const peers: readonly Peer[] = [envoy, natsServer];
