import type { Clock } from "@weft/base";
import type { NameTable } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import type { Logger } from "@weft/observability";
import { createDnsCounters, type DnsCounters } from "./counters.ts";
import { buildLookupTable, type LookupScope, type LookupTable, maxHosts } from "./lookup-table.ts";
import {
  classInternet,
  type DnsQuery,
  decodeQuery,
  encodeAnswer,
  maxMessageSize,
  rcode,
  truncate,
} from "./message.ts";
import type { DnsAddress } from "./resolv-conf.ts";
import { startDnsServer } from "./server.ts";
import { createUpstream, type DnsTransport, UpstreamError } from "./upstream.ts";

/** How DNS is answered. */
export interface DnsConfig extends LookupScope {
  /** Where it is answered; Istio's DNS_PROXY_ADDR, `localhost:15053`. */
  readonly addresses: readonly DnsAddress[];
  /** Who is asked for what the mesh does not know: resolv.conf's servers. */
  readonly upstreams: readonly DnsAddress[];
  /** Ask them all at once; Istio's DNS_FORWARD_PARALLEL. */
  readonly parallel: boolean;
}

/** Settings of {@link startDnsProxy}. */
export interface DnsProxyOptions {
  readonly config: DnsConfig;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** For one query upstream; 5 s unless told. */
  readonly upstreamTimeoutMs?: number;
}

/** Answers for the names of the mesh, and passes on the rest. */
export interface DnsProxy {
  /** Where it listens. */
  readonly addresses: readonly DnsAddress[];
  /** The table of names, as pilot sent it; undefined before there is one, and no query is answered then. */
  readonly table: NameTable | undefined;
  readonly counters: DnsCounters;
  /** Takes another table; why not, where it is too large. */
  update(table: NameTable): string | undefined;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Seconds that an answer may be kept, as Istio's agent has it. */
const ttl = 30;

/** Starts a {@link DnsProxy}. Throws where an address cannot be bound. */
export async function startDnsProxy(options: DnsProxyOptions): Promise<DnsProxy> {
  const { config, clock, random, logger, upstreamTimeoutMs } = options;
  const counters = createDnsCounters();
  let nameTable: NameTable | undefined;
  let lookupTable: LookupTable | undefined;

  const limitOf = (query: DnsQuery, transport: DnsTransport) =>
    transport === "udp" ? query.udpSize : maxMessageSize;

  const passOn = async (query: DnsQuery, transport: DnsTransport): Promise<Buffer> => {
    counters.upstreamRequests++;
    const start = clock.monotonic();
    try {
      const response = await upstream.ask(query, transport);
      return response.length <= limitOf(query, transport) ? response : truncate(query, response);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      counters.upstreamFailures++;
      logger.debug({ name: query.name, reason: error.message }, "no DNS server answered");
      return encodeAnswer(query, { rcode: rcode.serverFailure }, limitOf(query, transport));
    } finally {
      counters.upstreamDuration.record((clock.monotonic() - start) / 1000);
    }
  };

  const handle = async (message: Buffer, transport: DnsTransport): Promise<Buffer | undefined> => {
    counters.requests++;
    const decoded = decodeQuery(message);
    if (decoded === undefined) return undefined;
    if ("reply" in decoded) return decoded.reply;
    const { query } = decoded;
    const limit = limitOf(query, transport);
    // Without a table it is not known whose the name is: a client asks again after a failure, but believes that a name is unknown.
    if (lookupTable === undefined) return encodeAnswer(query, { rcode: rcode.serverFailure }, limit);
    const found = query.class === classInternet ? lookupTable.lookup(query.name, query.type) : undefined;
    if (found === undefined) return passOn(query, transport);
    // A name with addresses of the other family alone is known all the same: no addresses, and no error.
    const addresses = shuffled(found.addresses, random);
    return encodeAnswer(
      query,
      { ...found, addresses, rcode: rcode.success, authoritative: true, ttl },
      limit,
    );
  };

  const server = await startDnsServer(config.addresses, handle);
  const upstream = createUpstream({
    servers: config.upstreams.filter((address) => !isOwn(address, server.addresses)),
    parallel: config.parallel,
    clock,
    random,
    ...(upstreamTimeoutMs === undefined ? {} : { timeoutMs: upstreamTimeoutMs }),
  });
  let closed: Promise<void> | undefined;
  return {
    addresses: server.addresses,
    get table() {
      return nameTable;
    },
    counters,
    update: (table) => {
      const hosts = Object.keys(table.table).length;
      if (hosts > maxHosts) return `the name table has ${hosts} hosts, allowed are ${maxHosts}`;
      lookupTable = buildLookupTable(table, config);
      nameTable = table;
      logger.debug({ hosts, names: lookupTable.size }, "DNS names updated");
      return undefined;
    },
    close: () => {
      closed ??= (async () => {
        upstream.close();
        await server.close();
      })();
      return closed;
    },
  };
}

/** Whether a server is this one: it would ask itself for ever. */
function isOwn({ address, port }: DnsAddress, own: readonly DnsAddress[]): boolean {
  const anywhere = (at: string) => at === "0.0.0.0" || at === "::";
  const loopback = (at: string) => at === "::1" || at.startsWith("127.");
  return own.some(
    (mine) =>
      mine.port === port && (mine.address === address || (anywhere(mine.address) && loopback(address))),
  );
}

/** Another order each time, so that clients which take the first address spread. */
function shuffled<T>(values: readonly T[], random: () => number): readonly T[] {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const value = order[last] as T; // within bounds, as is the other
    order[last] = order[other] as T;
    order[other] = value;
  }
  return order;
}
