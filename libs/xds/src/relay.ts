import { equals } from "@bufbuild/protobuf";
import type { Clock } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import { type Node, NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  createXdsClient,
  type SubscribeOptions,
  type XdsClient,
  type XdsClientEvent,
  type XdsClientOptions,
  type XdsClientSubscription,
} from "./client.ts";
import { accept, reject, type Verdict, type Wanted, type XdsUpdate } from "./client-subscription.ts";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import type { Interest } from "./interest.ts";
import { describeRejected, namedIn } from "./rejection.ts";
import {
  onNewClient,
  onOffered,
  onUpdateAccepted,
  onWantedNames,
  type RelayCache,
  toResourceSet,
  versionsOf,
} from "./relay-cache.ts";
import { createXdsServer } from "./server.ts";
import type { TypeStatus } from "./status.ts";
import type { Rejection } from "./subscription.ts";

/** Settings of {@link createXdsRelay}. */
export interface XdsRelayOptions {
  /** The server that the relay gets everything from; the node is the client's own. */
  readonly upstream: Omit<XdsClientOptions, "node" | "onEvent" | "clock" | "random">;
  /** Types that the relay takes itself, all there is of each: they are not for the client. */
  readonly own?: readonly OwnSubscription[];
  readonly onUpstreamEvent?: (event: XdsClientEvent) => void;
  readonly onEvent?: (event: XdsServerEvent) => void;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the jitter of reconnects. */
  readonly random?: () => number;
}

/** A type that a relay subscribes to for whoever runs it; a whole new stream may bring again what is known. */
export interface OwnSubscription {
  readonly typeUrl: string;
  /** The names wanted, asked for anew by {@link XdsRelay.renewOwn}; all there are unless told. */
  readonly names?: () => readonly string[];
  readonly onUpdate: SubscribeOptions["onUpdate"];
}

/**
 * Stands between one client (a proxy) and a server: an xDS client above, an xDS server below, and a cache between. The
 * client is served from the cache, so it can come back while the server is away. docs/decisions/0006-xds-relay.md says why.
 */
export interface XdsRelay {
  /** Listens for the client, on `unix:path` or `host:port`; returns the port (0 for a socket). */
  listen(address: string): Promise<number>;
  /** Whether the upstream server has answered on the present stream. */
  readonly upstreamConnected: boolean;
  /** Has the names of the relay's own subscriptions looked at anew. */
  renewOwn(): void;
  /** How far the client is; empty while there is none. */
  status(): readonly TypeStatus[];
  close(): Promise<void>;
}

/** An upstream update that the client has not answered for. */
interface Offer {
  readonly typeUrl: string;
  readonly names: ReadonlySet<string>;
  readonly decide: (verdict: Verdict) => void;
}

/** The upstream stream and what is subscribed to on it. */
interface Upstream {
  readonly node: Node;
  readonly client: XdsClient;
  readonly subscriptions: Map<string, { readonly subscription: XdsClientSubscription; wanted: Wanted }>;
  readonly renewOwn: () => void;
}

/** The names that clients want of each type. */
interface Names {
  /** What to ask the server for, now that the client wants these names of a type. */
  of(typeUrl: string, wanted: ReadonlySet<string>): ReadonlySet<string>;
  /** Another client follows. */
  nextClient(): void;
}

/**
 * A client that comes back asks for its names bit by bit. So what the client before it wanted last is kept, up to date, until
 * this one drops it or leaves as well: it may ask for it when the server is away.
 */
function createNames(): Names {
  let inherited = new Map<string, ReadonlySet<string>>();
  let present = new Map<string, ReadonlySet<string>>();
  return {
    of: (typeUrl, wanted) => {
      const before = present.get(typeUrl) ?? new Set();
      const kept = [...(inherited.get(typeUrl) ?? [])].filter(
        (name) => wanted.has(name) || !before.has(name),
      );
      inherited.set(typeUrl, new Set(kept));
      present.set(typeUrl, wanted);
      return new Set([...kept, ...wanted]);
    },
    nextClient: () => {
      inherited = present;
      present = new Map();
    },
  };
}

/** Creates an {@link XdsRelay}. It connects upstream when its client comes for the first time, and says who it is. */
export function createXdsRelay(options: XdsRelayOptions): XdsRelay {
  const { clock, random, onUpstreamEvent = () => {}, onEvent = () => {} } = options;
  const injected = { ...(clock && { clock }), ...(random && { random }) };
  let upstream: Upstream | undefined;
  let client: XdsConnection | undefined;
  let cache: RelayCache = new Map();
  let set: ResourceSet = toResourceSet(cache);
  let offers: Offer[] = [];
  /** What a state-of-the-world client rejected of the offers, by type, until it accepts something again. */
  let refused = new Map<string, TypeStatus["rejected"]>();
  const names = createNames();

  const change = (next: RelayCache) => {
    cache = next;
    set = toResourceSet(cache, set);
  };

  const decide = (verdict: Verdict, isMeant: (offer: Offer) => boolean) => {
    const meant = offers.filter(isMeant);
    offers = offers.filter((offer) => !isMeant(offer));
    for (const offer of meant) offer.decide(verdict);
    return meant.length > 0;
  };

  /**
   * Passes on what the client has answered for, the rejections by name: what else came with them was sent to it again, and taken.
   * Without a client there is nobody to reject.
   */
  const settle = () => {
    const answered = offers.filter(({ typeUrl }) => client === undefined || client.settled(typeUrl));
    offers = offers.filter((offer) => !answered.includes(offer));
    for (const offer of answered) {
      const rejected = new Map([...rejectedOf(offer.typeUrl)].filter(([name]) => offer.names.has(name)));
      offer.decide(rejected.size === 0 ? accept : reject(describeRejected(rejected)));
    }
  };

  const rejectedOf = (typeUrl: string): TypeStatus["rejected"] =>
    refused.get(typeUrl) ??
    client?.status().find((status) => status.typeUrl === typeUrl)?.rejected ??
    new Map();

  const onUpdate = async (update: XdsUpdate, wanted: Wanted): Promise<Verdict> => {
    change(onOffered(cache, update, wanted));
    const verdict = await new Promise<Verdict>((resolve) => {
      offers.push({ typeUrl: update.typeUrl, names: new Set(update.changed.keys()), decide: resolve });
      client?.update(set);
      settle();
    });
    if (verdict.kind === "accept") change(onUpdateAccepted(cache, update));
    return verdict;
  };

  const connect = (node: Node): Upstream => {
    upstream?.client.close();
    decide(accept, () => true);
    const xdsClient = createXdsClient({ ...options.upstream, ...injected, node, onEvent: onUpstreamEvent });
    const own = (options.own ?? []).map(({ typeUrl, names: wanted = () => "*" as const, onUpdate }) => {
      const limits = { names: wanted(), initialFetchTimeoutMs: 0, onUpdate };
      const subscription = xdsClient.subscribe(typeUrl, limits);
      return () => {
        const now = wanted();
        if (now !== "*") subscription.setNames(now);
      };
    });
    upstream = {
      node,
      client: xdsClient,
      subscriptions: new Map(),
      renewOwn: () => {
        for (const renew of own) renew();
      },
    };
    return upstream;
  };

  const subscribe = ({ client: xdsClient, subscriptions }: Upstream, typeUrl: string, wanted: Wanted) => {
    const subscription = xdsClient.subscribe(typeUrl, {
      names: wanted,
      initialVersions: versionsOf(cache, typeUrl),
      initialFetchTimeoutMs: 0,
      onUpdate: (update) => onUpdate(update, subscriptions.get(typeUrl)?.wanted ?? wanted),
    });
    subscriptions.set(typeUrl, { subscription, wanted });
  };

  /** Has the upstream subscription follow the client's. */
  const follow = (typeUrl: string, interest: Interest) => {
    if (upstream === undefined) return;
    const wanted: Wanted = interest.wildcard ? "*" : names.of(typeUrl, interest.names);
    if (wanted !== "*") change(onWantedNames(cache, typeUrl, wanted));
    client?.update(set);
    const entry = upstream.subscriptions.get(typeUrl);
    if (entry === undefined) {
      subscribe(upstream, typeUrl, wanted);
    } else if (wanted !== "*" && entry.wanted !== "*") {
      entry.wanted = wanted;
      entry.subscription.setNames(wanted);
    } else if (wanted !== entry.wanted) {
      // From some to all or back: rare enough for a new stream.
      const others = [...upstream.subscriptions].filter(([other]) => other !== typeUrl);
      const replaced = connect(upstream.node);
      for (const [other, { wanted: unchanged }] of others) subscribe(replaced, other, unchanged);
      subscribe(replaced, typeUrl, wanted);
    }
  };

  const onConnect = (connection: XdsConnection) => {
    client?.close("another client has taken its place");
    client = connection;
    refused = new Map();
    names.nextClient();
    change(onNewClient(cache));
    if (upstream === undefined || !equals(NodeSchema, upstream.node, connection.node))
      connect(connection.node);
    connection.update(set);
    for (const status of connection.status()) {
      const wildcard = status.names === undefined;
      follow(status.typeUrl, { wildcard, names: status.names ?? new Set(), legacy: false });
    }
    return () => {
      if (client !== connection) return;
      client = undefined;
      settle();
    };
  };

  /** Tells the server of what was accepted while no client was there, or by another one. */
  const rejectLate = (typeUrl: string, reason: string) =>
    upstream?.subscriptions.get(typeUrl)?.subscription.reject(reason);
  const isOffered = (typeUrl: string) => offers.some((offer) => offer.typeUrl === typeUrl);

  /** An incremental client is asked on until it is known what it means, and then the offers are settled. */
  const onDeltaNacked = (typeUrl: string, nacked: Rejection) => {
    const found = [...rejectedOf(typeUrl)].filter(([, { rejection }]) => rejection.nonce === nacked.nonce);
    if (found.length > 0 && !isOffered(typeUrl)) rejectLate(typeUrl, describeRejected(new Map(found)));
  };

  /** A state-of-the-world client cannot be asked on: what it names of the offers is rejected, or all of them. */
  const onSotwNacked = (typeUrl: string, nacked: Rejection) => {
    const offered = offers.filter((offer) => offer.typeUrl === typeUrl).flatMap(({ names: of }) => [...of]);
    const { certain, suspected } = namedIn(nacked.message, offered);
    const guilty = certain.length > 0 ? certain : suspected.length > 0 ? suspected : offered;
    if (guilty.length === 0) {
      rejectLate(typeUrl, nacked.message);
      return;
    }
    refused.set(typeUrl, new Map(guilty.map((name) => [name, { version: "", rejection: nacked }])));
  };

  const server = createXdsServer({
    ...(clock && { clock }),
    onConnect,
    onEvent: (event) => {
      onEvent(event);
      if (event.connection !== client) return;
      if (event.kind === "subscribed") follow(event.typeUrl, event.interest);
      if (event.kind === "acked") refused.delete(event.typeUrl);
      if (event.kind === "nacked") {
        const onNacked = event.connection.mode === "delta" ? onDeltaNacked : onSotwNacked;
        onNacked(event.typeUrl, event.nacked);
      }
      settle();
    },
  });

  return {
    listen: (address) => server.listen(address),
    renewOwn: () => upstream?.renewOwn(),
    get upstreamConnected() {
      return upstream?.client.connected ?? false;
    },
    status: () => client?.status() ?? [],
    close: async () => {
      upstream?.client.close();
      await server.close();
    },
  };
}
