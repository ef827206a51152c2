import type { SocketAddress } from "../runtime/connection.ts";
import type { AdminEndpoint } from "./endpoint.ts";

/** An address in Envoy's JSON. */
export function addressJson({ address, port }: SocketAddress): unknown {
  return port === 0 && address.startsWith("/")
    ? { pipe: { path: address } }
    : { socket_address: { address, port_value: port } };
}

/** `address:port`, IPv6 in brackets; a path as it is. */
export function addressText({ address, port }: SocketAddress): string {
  if (port === 0 && address.startsWith("/")) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Listeners with their addresses. */
export const listenersEndpoint: AdminEndpoint = {
  path: "/listeners",
  help: "print listener info (?format=text|json)",
  handle({ query }, { listeners }) {
    const all = [...listeners.listeners];
    if (query.get("format") !== "json") {
      return {
        text: all
          .flatMap(([name, { localAddresses }]) =>
            localAddresses.map((address) => `${name}::${addressText(address)}\n`),
          )
          .join(""),
      };
    }
    return {
      json: {
        listener_statuses: all.map(
          ([
            name,
            {
              localAddresses: [first, ...more],
            },
          ]) => ({
            name,
            ...(first !== undefined && { local_address: addressJson(first) }),
            ...(more.length > 0 && { additional_local_addresses: more.map(addressJson) }),
          }),
        ),
      },
    };
  },
};
