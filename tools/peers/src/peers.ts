import { coredns } from "./coredns.ts";
import { envoy } from "./envoy.ts";
import { kubernetes } from "./kubernetes.ts";
import { natsServer } from "./nats-server.ts";
import type { Peer } from "./peer.ts";

/** All peers, in the order they are installed: what most tests need comes first. */
export const peers: readonly Peer[] = [envoy, natsServer, kubernetes, coredns];
