import { randomHash, xxHash64 } from "./hash.ts";
import type { ClusterHost } from "./host.ts";
import type { LoadBalancer } from "./load-balancer.ts";
import { hashKeyOf } from "./ring-hash.ts";

/**
 * Maglev: a table in which hosts take turns to claim their preferred free places, heavier hosts more often. Built at
 * the first pick. Section 3.4 of https://research.google/pubs/maglev-a-fast-and-reliable-software-network-load-balancer/
 */
export function createMaglevBalancer(
  hosts: readonly ClusterHost[],
  { tableSize, byHostname }: { readonly tableSize: number; readonly byHostname: boolean },
  random: () => number,
): LoadBalancer {
  const size = BigInt(tableSize);
  let table: Table | undefined;
  return {
    pick: ({ hash = randomHash(random) }, attempt = 0) => {
      if (hosts.length < 2) return hosts[0];
      table ??= buildTable(hosts, tableSize, byHostname);
      // As Envoy: a further attempt of the same choice mixes its number, negated, into the hash.
      const mixed = attempt === 0 ? hash : hash ^ BigInt.asUintN(64, -BigInt(attempt));
      return table.hosts[table.places[Number(mixed % size)] ?? 0];
    },
  };
}

/** Hosts take their turns in the order of their addresses, so that the table is the same whatever order they came in. */
function buildTable(all: readonly ClusterHost[], size: number, byHostname: boolean): Table {
  const hosts = all.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const bigSize = BigInt(size);
  const heaviest = Math.max(...hosts.map(({ weight }) => weight));
  const turns = hosts.map((host) => {
    const key = hashKeyOf(host, byHostname);
    return {
      place: Number(xxHash64(key) % bigSize),
      skip: Number(xxHash64(key, 1n) % (bigSize - 1n)) + 1,
      weight: host.weight,
      due: 0,
    };
  });
  const free = 0xffff_ffff;
  const table = new Uint32Array(size).fill(free);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (const [index, turn] of turns.entries()) {
      if (filled === size) break;
      if (round * turn.weight < turn.due) continue;
      turn.due += heaviest;
      while (table[turn.place] !== free) turn.place = (turn.place + turn.skip) % size;
      table[turn.place] = index;
      filled++;
    }
  }
  return { places: table, hosts };
}

interface Table {
  /** Indexes of hosts. */
  readonly places: Uint32Array;
  readonly hosts: readonly ClusterHost[];
}
