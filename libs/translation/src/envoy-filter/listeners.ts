import { TrafficDirection, TransportSocketSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  type FilterChain,
  FilterChainSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { addItems, changeItems, type ListRules } from "./edit-list.ts";
import { mergedFilter, mergedSocket } from "./filters.ts";
import { merged } from "./merge.ts";
import { namesFilter } from "./names.ts";
import { patchNetworkFilters } from "./network-filters.ts";
import { isMerge, type Patch, type PatchContext, type PatchRun, patchesTo } from "./patch.ts";

const virtualListeners = ["virtualInbound", "virtualOutbound"];

/** Whose connections a listener of a sidecar takes. */
export function listenerContext({ trafficDirection }: Listener): PatchContext {
  return trafficDirection === TrafficDirection.INBOUND ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

function portOf({ address }: Listener): number | undefined {
  if (address?.address.case !== "socketAddress") return undefined;
  const { portSpecifier } = address.address.value;
  return portSpecifier.case === "portValue" ? portSpecifier.value : undefined;
}

function isForListener({ match, applyTo }: Patch, listener: Listener): boolean {
  const asked = match.listener;
  if (asked === undefined) return true;
  if (asked.name && asked.name !== listener.name) return false;
  // The ports of a virtual listener are those of its chains.
  if (applyTo !== "LISTENER" && virtualListeners.includes(listener.name)) return true;
  return !asked.portNumber || asked.portNumber === portOf(listener);
}

function isForChain({ match }: Patch, listener: Listener, { filterChainMatch, name }: FilterChain): boolean {
  const port = match.listener?.portNumber;
  const own = filterChainMatch?.destinationPort;
  if (port && virtualListeners.includes(listener.name) && port !== own) return false;
  const asked = match.listener?.filterChain;
  if (asked === undefined) return true;
  if (asked.name && asked.name !== name) return false;
  if (asked.sni && !filterChainMatch?.serverNames.includes(asked.sni)) return false;
  if (asked.transportProtocol && asked.transportProtocol !== filterChainMatch?.transportProtocol)
    return false;
  if (asked.destinationPort && asked.destinationPort !== own) return false;
  const protocols = asked.applicationProtocols ? asked.applicationProtocols.split(",") : [];
  return protocols.every((protocol) => filterChainMatch?.applicationProtocols.includes(protocol.trim()));
}

function patchListenerFilters(run: PatchRun, listener: Listener): Listener {
  const rules: ListRules<ListenerFilter> = {
    schema: ListenerFilterSchema,
    applies: (patch) => isForListener(patch, listener),
    names: ({ match }) => Boolean(match.listener?.listenerFilter),
    matches: ({ match }, { name }) =>
      !match.listener?.listenerFilter || namesFilter(match.listener.listenerFilter, name),
    merge: (filter, patch) => mergedFilter(ListenerFilterSchema, filter, patch),
  };
  const patches = patchesTo(run, "LISTENER_FILTER");
  if (patches.length === 0) return listener;
  const added = addItems(run, patches, listener.listenerFilters, rules);
  return { ...listener, listenerFilters: [...changeItems(run, patches, added, rules)] };
}

/** A chain with a value merged in; certificates and the like by the type of the transport socket. */
function mergedChain(chain: FilterChain, { value, operation }: Patch): FilterChain {
  if (value === undefined) return chain;
  const lists = operation === "MERGE_AND_REPLACE_LIST" ? "replace" : "append";
  const result = merged(FilterChainSchema, chain, value, lists);
  const given = (value as FilterChain).transportSocket; // the value of such a patch is a chain
  if (chain.transportSocket && given)
    result.transportSocket = mergedSocket(TransportSocketSchema, chain.transportSocket, given);
  return result;
}

function patchFilterChains(run: PatchRun, listener: Listener): Listener {
  const rules: ListRules<FilterChain> = {
    schema: FilterChainSchema,
    applies: (patch) => isForListener(patch, listener),
    names: ({ match }) => match.listener?.filterChain !== undefined,
    matches: (patch, chain) => isForChain(patch, listener, chain),
    merge: mergedChain,
  };
  const patches = patchesTo(run, "FILTER_CHAIN");
  const inside = (chain: FilterChain) =>
    patchNetworkFilters(run, chain, (patch) => rules.applies(patch) && rules.matches(patch, chain));
  const chains = changeItems(run, patches, listener.filterChains, rules, inside);
  const byDefault = listener.defaultFilterChain ? [listener.defaultFilterChain] : [];
  const [defaultFilterChain] = changeItems(run, patches, byDefault, rules, inside);
  const result: Listener = { ...listener, filterChains: [...addItems(run, patches, chains, rules)] };
  if (defaultFilterChain === undefined) delete result.defaultFilterChain;
  else result.defaultFilterChain = defaultFilterChain;
  return result;
}

/** A listener after the patches for it, its filters, chains and what is in them; undefined where one removes it. */
export function patchListener(listener: Listener, run: PatchRun): Listener | undefined {
  let result = listener;
  for (const patch of patchesTo(run, "LISTENER")) {
    const removes = patch.operation === "REMOVE";
    if ((!removes && !isMerge(patch)) || !isForListener(patch, listener)) continue;
    run.used.add(patch);
    if (removes) return undefined;
    const lists = patch.operation === "MERGE" ? "append" : "replace";
    if (patch.value) result = merged(ListenerSchema, result, patch.value, lists);
  }
  return patchFilterChains(run, patchListenerFilters(run, result));
}
