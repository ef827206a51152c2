import { type CidrRange, parseIp, rangeContains } from "@weft/matching";
import type { FilterChain, FilterChainMatch } from "../runtime/listener-config.ts";

/** What is known of a connection when its filter chain is chosen. */
export interface MatchableConnection {
  /** The original destination where that was restored. */
  readonly destination: { readonly address: string; readonly port: number };
  readonly source: { readonly address: string; readonly port: number };
  readonly directSourceAddress: string;
  /** Lower case; empty where there is none. */
  readonly serverName: string;
  readonly transportProtocol: "tls" | "raw_buffer";
  /** In the client's order. */
  readonly applicationProtocols: readonly string[];
}

type Select = (connection: MatchableConnection) => FilterChain | undefined;

/** One criterion: the keys a chain stands under, and which key a connection takes among those that exist. */
interface Level {
  /** Empty means any. */
  readonly keys: (match: FilterChainMatch) => readonly string[];
  readonly choose: (keys: ReadonlySet<string>, connection: MatchableConnection) => string | undefined;
}

const any = "";

const exactOrAny = (keys: ReadonlySet<string>, wanted: string) =>
  keys.has(wanted) ? wanted : keys.has(any) ? any : undefined;

const cidrKey = (range: CidrRange) => `${range.address}/${range.prefixLength}`;

function chooseRange(keys: ReadonlySet<string>, address: string): string | undefined {
  const ip = parseIp(address);
  let best: string | undefined;
  let bestLength = -1;
  for (const key of keys) {
    if (key === any || ip === undefined) continue;
    const slash = key.lastIndexOf("/");
    const range = { address: key.slice(0, slash), prefixLength: Number(key.slice(slash + 1)) };
    if (range.prefixLength > bestLength && rangeContains(range, ip)) {
      best = key;
      bestLength = range.prefixLength;
    }
  }
  return best ?? (keys.has(any) ? any : undefined);
}

function chooseServerName(keys: ReadonlySet<string>, name: string): string | undefined {
  if (name !== "" && keys.has(name)) return name;
  for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) {
    const suffix = `*${name.slice(dot)}`;
    if (keys.has(suffix)) return suffix;
  }
  return keys.has(any) ? any : undefined;
}

/** From the same address, or from the loopback address itself: others of 127.0.0.0/8 are not meant. */
function isLocal({ source, destination }: MatchableConnection): boolean {
  return source.address === destination.address || source.address === "127.0.0.1" || source.address === "::1";
}

/**
 * Envoy's criteria in Envoy's order. Each takes the most specific key that is there and never comes back: a chain
 * for the exact port hides those for any port, even where its other criteria do not match.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch
 */
const levels: readonly Level[] = [
  {
    keys: ({ destinationPort }) => (destinationPort === undefined ? [] : [String(destinationPort)]),
    choose: (keys, { destination }) => exactOrAny(keys, String(destination.port)),
  },
  {
    keys: ({ destinationPrefixes }) => destinationPrefixes.map(cidrKey),
    choose: (keys, { destination }) => chooseRange(keys, destination.address),
  },
  {
    keys: ({ serverNames }) => serverNames,
    choose: (keys, { serverName }) => chooseServerName(keys, serverName),
  },
  {
    keys: ({ transportProtocol }) => [transportProtocol],
    choose: (keys, { transportProtocol }) => exactOrAny(keys, transportProtocol),
  },
  {
    keys: ({ applicationProtocols }) => applicationProtocols,
    choose: (keys, { applicationProtocols }) =>
      applicationProtocols.find((protocol) => keys.has(protocol)) ?? (keys.has(any) ? any : undefined),
  },
  {
    keys: ({ directSourcePrefixes }) => directSourcePrefixes.map(cidrKey),
    choose: (keys, { directSourceAddress }) => chooseRange(keys, directSourceAddress),
  },
  {
    keys: ({ sourceType }) => (sourceType === "any" ? [] : [sourceType]),
    choose: (keys, connection) => exactOrAny(keys, isLocal(connection) ? "local" : "external"),
  },
  {
    keys: ({ sourcePrefixes }) => sourcePrefixes.map(cidrKey),
    choose: (keys, { source }) => chooseRange(keys, source.address),
  },
  {
    keys: ({ sourcePorts }) => sourcePorts.map(String),
    choose: (keys, { source }) => exactOrAny(keys, String(source.port)),
  },
];

/** Chooses a filter chain; undefined where none matches and there is no default. */
export type FilterChainMatcher = (connection: MatchableConnection) => FilterChain | undefined;

/** Builds the tables for a listener's chains. Of chains that match the same, the first wins (`compile` refuses them). */
export function createFilterChainMatcher(
  chains: readonly FilterChain[],
  defaultChain: FilterChain | undefined,
): FilterChainMatcher {
  const select = build(chains, 0);
  return (connection) => select(connection) ?? defaultChain;
}

/** Pairs of chains that match exactly the same connections by some combination of their criteria. */
export function findEqualMatches(
  chains: readonly FilterChain[],
): readonly (readonly [first: FilterChain, second: FilterChain])[] {
  const seen = new Map<string, FilterChain>();
  const equal: (readonly [FilterChain, FilterChain])[] = [];
  for (const chain of chains) {
    const combinations = levels.reduce<readonly string[]>(
      (paths, level) => paths.flatMap((path) => keysOf(level, chain).map((key) => `${path}\n${key}`)),
      [any],
    );
    const first = combinations.map((path) => seen.get(path)).find((other) => other !== undefined);
    if (first !== undefined) equal.push([first, chain]);
    for (const path of combinations) seen.set(path, chain);
  }
  return equal;
}

function keysOf(level: Level, chain: FilterChain): readonly string[] {
  const keys = level.keys(chain.match);
  return keys.length === 0 ? [any] : keys;
}

function build(chains: readonly FilterChain[], depth: number): Select {
  const level = levels[depth];
  const [first] = chains;
  if (level === undefined) return () => first;
  const groups = new Map<string, FilterChain[]>();
  for (const chain of chains) {
    for (const key of keysOf(level, chain)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [chain]);
      else group.push(chain);
    }
  }
  const next = new Map([...groups].map(([key, group]) => [key, build(group, depth + 1)] as const));
  // Most levels are not used: nothing to choose there.
  const onlyAny = next.size === 1 ? next.get(any) : undefined;
  if (onlyAny !== undefined) return onlyAny;
  const keys = new Set(next.keys());
  return (connection) => {
    const key = level.choose(keys, connection);
    return key === undefined ? undefined : next.get(key)?.(connection);
  };
}
