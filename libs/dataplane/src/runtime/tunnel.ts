import type { Duplex } from "node:stream";
import type { Cluster, Host } from "./cluster.ts";
import type { ConnectionInfo } from "./connection.ts";
import type { RequestHead } from "./request.ts";

/**
 * Opens a tunnel through a host: a request whose body and response carry a connection's bytes. What it gives emits
 * `connect` once the host has granted it, and `error` where it does not; undefined where the cluster takes no more
 * requests.
 */
export type OpenTunnel = (
  cluster: Cluster,
  host: Host,
  head: RequestHead,
  connection: ConnectionInfo,
) => Duplex | undefined;
