import type { Listener } from "@weft/istio-api";

/** The listeners of a Gateway that came before, by which later ones are judged. */
export interface ListenerLedger {
  /** Takes a listener in, or tells why it cannot stand beside one that came before. */
  add(listener: Listener): "ProtocolConflict" | "HostnameConflict" | undefined;
}

/** Protocols that can share a port are of one family: the proxy tells their connections apart by SNI. */
function family(protocol: string): string {
  return protocol === "TLS" ? "HTTPS" : protocol;
}

/** Starts a ledger: the first listener of a port says what is spoken there, and each host of it belongs to one. */
export function createListenerLedger(): ListenerLedger {
  const families = new Map<number, string>();
  const hosts = new Set<string>();
  return {
    add: ({ port, protocol, hostname = "" }) => {
      const known = families.get(port);
      if (known !== undefined && known !== family(protocol)) return "ProtocolConflict";
      const host = `${port}/${hostname}`;
      if (hosts.has(host)) return "HostnameConflict";
      families.set(port, family(protocol));
      hosts.add(host);
      return undefined;
    },
  };
}
