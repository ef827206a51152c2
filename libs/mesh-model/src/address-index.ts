import type { Endpoint } from "./service.ts";

/** The services with an endpoint at an address, as their keys ({@link serviceKey}). Frozen; a change makes another. */
export interface AddressIndex {
  /** In no particular order. */
  get(address: string): readonly string[];
}

/** The endpoints of a service before and after a change. */
export interface EndpointsChange {
  readonly service: string;
  readonly before: readonly Endpoint[];
  readonly now: readonly Endpoint[];
}

type Shard = ReadonlyMap<string, readonly string[]>;

/** A change copies the shards it falls in: of a hundred thousand addresses, a few hundred. */
const shardCount = 512;
const none: readonly string[] = [];

/** An {@link AddressIndex} from which the next is made without looking at what has not changed. */
export class ShardedAddressIndex implements AddressIndex {
  readonly #shards: readonly Shard[];

  constructor(shards: readonly Shard[] = Array.from({ length: shardCount }, () => new Map())) {
    this.#shards = shards;
  }

  get(address: string): readonly string[] {
    return this.#shards[shardOf(address)]?.get(address) ?? none;
  }

  /** The index after these changes; itself where no address came or went. */
  with(changes: Iterable<EndpointsChange>): ShardedAddressIndex {
    const copies = new Map<number, Map<string, readonly string[]>>();
    const edit = (address: string, change: (services: readonly string[]) => readonly string[]) => {
      const number = shardOf(address);
      const shard = copies.get(number) ?? new Map(this.#shards[number]);
      copies.set(number, shard);
      const services = change(shard.get(address) ?? none);
      if (services.length === 0) shard.delete(address);
      else shard.set(address, services);
    };
    for (const { service, before, now } of changes) {
      const old = new Set(before.map(({ address }) => address));
      const added = new Set(now.map(({ address }) => address));
      for (const address of old.difference(added))
        edit(address, (all) => all.filter((key) => key !== service));
      for (const address of added.difference(old)) edit(address, (all) => [...all, service]);
    }
    if (copies.size === 0) return this;
    return new ShardedAddressIndex(this.#shards.map((shard, number) => copies.get(number) ?? shard));
  }
}

/** FNV-1a, as addresses differ in their last characters. */
function shardOf(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount;
}
