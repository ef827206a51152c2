import { isIP } from "node:net";
import type { ProxyNode } from "../proxy-node.ts";
import type { Service } from "../service.ts";

/** How many addresses there are, as Istio counts: those of 240.240.0.0/16 of which no part is 255. */
const slots = 256 * 254;
/** Without those whose address would end in 0. */
const usable = slots - Math.floor(slots / 255);
/** The largest prime below {@link slots}, for the steps from slot to slot. */
const prime = 65_011;
/** On a ServiceEntry, `"false"` leaves its hosts without addresses of Weft's choice. */
export const autoAllocateLabel = "networking.istio.io/enable-autoallocate-ip";

/** FNV-1a, 32 bits. http://www.isthe.com/chongo/tech/comp/fnv/ */
function fnv32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * The slots of a key in the order they are tried: its hash's own, then on by a second hash, then all there are. Those
 * whose address would end in 0 are left out, so that nobody's address depends on who has such a slot.
 */
function* slotsOf(key: string): Generator<number> {
  const hash = fnv32(key);
  const step = prime - (hash % prime);
  for (let i = 0; i < slots; i++)
    yield i === 0 ? hash % slots : ((hash + Math.imul(i, step)) >>> 0) % (slots - 1);
  for (let slot = 0; slot < slots; slot++) yield slot;
}

/** The first slot of a key that nobody has. */
function freeSlot(key: string, taken: ReadonlySet<number>): number | undefined {
  for (const slot of slotsOf(key)) if ((slot + 1) % 255 !== 0 && !taken.has(slot)) return slot;
  return undefined;
}

function addressesOf(slot: number): readonly string[] {
  const [third, fourth] = [Math.floor((slot + 1) / 255), (slot + 1) % 255];
  const hex = third === 0 ? fourth : third * 256 + fourth;
  return [`240.240.${third}.${fourth}`, `2001:2::f0f0:${hex.toString(16)}`];
}

/** Whether a service is given addresses: it has none, and which of its endpoints is meant need not be known. */
function wantsAddresses({ registry, addresses, hostname, resolution, labels }: Service): boolean {
  return (
    registry === "External" &&
    addresses.length === 0 &&
    !hostname.startsWith("*") &&
    resolution !== "Passthrough" &&
    labels[autoAllocateLabel]?.toLowerCase() !== "false"
  );
}

/**
 * Addresses for the services of ServiceEntries that have none, by `namespace/host`: one in 240.240.0.0/16 and one in
 * 2001:2::/48, both reserved, which only the proxies know. The same services get the same addresses in every control
 * plane; of two whose hashes meet the first keeps its own. Beyond 64,770 of them there are none left.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/#address-auto-allocation
 */
export function allocateAddresses(services: readonly Service[]): ReadonlyMap<string, readonly string[]> {
  const taken = new Set<number>();
  const lowest = new Map<string, number>();
  for (const service of services) {
    if (!wantsAddresses(service)) continue;
    const key = `${service.namespace}/${service.hostname}`;
    const slot = taken.size === usable ? undefined : freeSlot(key, taken);
    if (slot === undefined) break;
    taken.add(slot);
    // Each ServiceEntry of a host takes a slot; the host has the lowest of them.
    lowest.set(key, Math.min(slot, lowest.get(key) ?? slot));
  }
  return new Map([...lowest].map(([key, slot]) => [key, Object.freeze(addressesOf(slot))]));
}

/**
 * Where a proxy's workload finds a service: at its own addresses, else at those Weft chose for it, of the families that
 * the proxy has, where the proxy's agent answers DNS queries with them.
 */
export function addressesFor(
  service: Service,
  node: Pick<ProxyNode, "capturesDns" | "ipAddresses">,
): readonly string[] {
  if (service.addresses.length > 0 || !node.capturesDns) return service.addresses;
  const families = new Set(node.ipAddresses.map(isIP));
  return (service.autoAllocatedAddresses ?? []).filter((address) => families.has(isIP(address)));
}
