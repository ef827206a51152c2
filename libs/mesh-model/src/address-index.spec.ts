import fc from "fast-check";
import { ShardedAddressIndex } from "./address-index.ts";
import type { Endpoint } from "./service.ts";

/** As far as the index looks. */
const at = (...addresses: readonly string[]) =>
  addresses.map((address) => ({ address })) as unknown as Endpoint[];

describe("ShardedAddressIndex", () => {
  it("finds the services of an address, and changes no index it was made from", () => {
    const empty = new ShardedAddressIndex();
    const one = empty.with([{ service: "a", before: [], now: at("10.0.0.1", "10.0.0.2") }]);
    const two = one.with([
      { service: "b", before: [], now: at("10.0.0.2") },
      { service: "a", before: at("10.0.0.1", "10.0.0.2"), now: at("10.0.0.2") },
    ]);
    expect(empty.get("10.0.0.1")).toEqual([]);
    expect(one.get("10.0.0.1")).toEqual(["a"]);
    expect(two.get("10.0.0.1")).toEqual([]);
    expect(two.get("10.0.0.2")).toEqual(["a", "b"]);
  });

  it("is itself where addresses stay", () => {
    const index = new ShardedAddressIndex().with([{ service: "a", before: [], now: at("10.0.0.1") }]);
    expect(index.with([{ service: "a", before: at("10.0.0.1"), now: at("10.0.0.1", "10.0.0.1") }])).toBe(
      index,
    );
  });

  it("tells after any changes what an index of the last state tells", () => {
    const address = fc.integer({ min: 0, max: 9 }).map((n) => `10.0.0.${n}`);
    const change = fc.record({ service: fc.constantFrom("a", "b", "c"), addresses: fc.array(address) });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const state = new Map<string, readonly string[]>();
        let index = new ShardedAddressIndex();
        for (const { service, addresses } of changes) {
          index = index.with([{ service, before: at(...(state.get(service) ?? [])), now: at(...addresses) }]);
          state.set(service, addresses);
        }
        for (let n = 0; n <= 9; n++) {
          const expected = [...state].filter(([, all]) => all.includes(`10.0.0.${n}`)).map(([key]) => key);
          expect([...index.get(`10.0.0.${n}`)].sort()).toEqual(expected.sort());
        }
      }),
    );
  });
});
