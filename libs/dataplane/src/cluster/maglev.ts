import { xxHash64 } from "./hash.ts";
import type { ClusterHost } from "./host.ts";
import type { LoadBalancer } from "./load-balancer.ts";

/**
 * Maglev: a table in which hosts take turns to claim their preferred free places, heavier hosts more often. Built at
 * the first pick. Section 3.4 of https://research.google/pubs/maglev-a-fast-and-reliable-software-network-load-balancer/
 */
export function createMaglevBalancer(
  hosts: readonly ClusterHost[],
  tableSize: number,
  random: () => number,
): LoadBalancer {
  let table: Uint32Array | undefined;
  return {
    pick: ({ hash }) => {
      if (hosts.length < 2) return hosts[0];
      if (hash === undefined) return hosts[Math.floor(random() * hosts.length)];
      table ??= buildTable(hosts, tableSize);
      return hosts[table[hash % tableSize] ?? 0];
    },
  };
}

function buildTable(hosts: readonly ClusterHost[], size: number): Uint32Array {
  const bigSize = BigInt(size);
  const heaviest = Math.max(...hosts.map(({ weight }) => weight));
  const turns = hosts.map((host) => ({
    place: Number(xxHash64(host.key) % bigSize),
    skip: Number(xxHash64(host.key, 1n) % (bigSize - 1n)) + 1,
    share: host.weight / heaviest,
    due: 0,
  }));
  const free = 0xffff_ffff;
  const table = new Uint32Array(size).fill(free);
  let filled = 0;
  for (let round = 1; filled < size; round++) {
    for (const [index, turn] of turns.entries()) {
      if (filled === size) break;
      if (round * turn.share < turn.due) continue;
      turn.due++;
      while (table[turn.place] !== free) turn.place = (turn.place + turn.skip) % size;
      table[turn.place] = index;
      filled++;
    }
  }
  return table;
}
