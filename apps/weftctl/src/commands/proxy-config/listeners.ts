import { formatTable } from "../../output/table.ts";
import { type Json, object, objects, text } from "./config-dump.ts";
import { describeChainMatch, describeDestination, terminalFilter } from "./describe.ts";

/** `--address`, `--port` and `--type`. */
export interface ListenerFilter {
  readonly address?: string;
  readonly port?: number;
  /** HTTP, TCP or HTTP+TCP */
  readonly type?: string;
}

/** The address of a listener or an endpoint in Envoy's JSON; a Unix socket has its path and no port. */
export function readAddress(value: unknown): { readonly address: string; readonly port: number } {
  const socket = object(object(value).socket_address);
  if (socket.address !== undefined)
    return { address: text(socket.address), port: Number(socket.port_value ?? 0) };
  const pipe = text(object(object(value).pipe).path);
  if (pipe !== "") return { address: `unix://${pipe}`, port: 0 };
  const internal = object(object(value).envoy_internal_address);
  return { address: `envoy://${text(internal.server_listener_name)}/${text(internal.endpoint_id)}`, port: 0 };
}

/** The filter chains, the default one last. */
function chains(listener: Json): readonly Json[] {
  const fallback = listener.default_filter_chain;
  return [...objects(listener.filter_chains), ...(fallback === undefined ? [] : [object(fallback)])];
}

/** HTTP, TCP, HTTP+TCP, or UNKNOWN. */
export function listenerType(listener: Json): string {
  const kinds = new Set(chains(listener).map((chain) => terminalFilter(chain).kind));
  if (kinds.has("http")) return kinds.has("tcp") ? "HTTP+TCP" : "HTTP";
  return kinds.has("tcp") ? "TCP" : "UNKNOWN";
}

/** The listeners that match, by address and port. */
export function selectListeners(listeners: readonly Json[], filter: ListenerFilter): readonly Json[] {
  return listeners
    .filter((listener) => {
      const { address, port } = readAddress(listener.address);
      return (
        (filter.address === undefined || address.toLowerCase() === filter.address.toLowerCase()) &&
        (filter.port === undefined || port === filter.port) &&
        (filter.type === undefined || listenerType(listener).toLowerCase() === filter.type.toLowerCase())
      );
    })
    .sort((a, b) => {
      const [left, right] = [readAddress(a.address), readAddress(b.address)];
      if (left.address !== right.address) return left.address < right.address ? -1 : 1;
      return left.port - right.port;
    });
}

/** The table of `proxy-config listeners`: a row for each filter chain, or for each listener where not `verbose`. */
export function listenerTable(listeners: readonly Json[], verbose: boolean): string {
  const place = (listener: Json) => {
    const { address, port } = readAddress(listener.address);
    return [address, String(port)];
  };
  if (!verbose) {
    const rows = listeners.map((listener) => [...place(listener), listenerType(listener)]);
    return formatTable(["ADDRESSES", "PORT", "TYPE"], rows);
  }
  const rows = listeners.flatMap((listener) =>
    chains(listener).map((chain) => [
      ...place(listener),
      describeChainMatch(object(chain.filter_chain_match)),
      describeDestination(chain),
    ]),
  );
  return formatTable(["ADDRESSES", "PORT", "MATCH", "DESTINATION"], rows);
}
