import { hostCovers } from "@weft/mesh-model";

/**
 * Whether a route that names `host` may serve it on a listener, or whether another listener of the same port and
 * protocol, `others`, is more specific for it: each host name belongs to one listener alone.
 * https://gateway-api.sigs.k8s.io/reference/spec/#listener
 */
export function belongsToListener(host: string, listener: string, others: Iterable<string>): boolean {
  if (listener !== "" && !listener.startsWith("*")) return true;
  if (listener !== "" && !hostCovers(listener, host) && !hostCovers(host, listener)) return true;
  for (const other of others)
    if (other.length >= listener.length && other !== listener && hostCovers(other, host)) return false;
  return true;
}
