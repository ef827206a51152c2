import fc from "fast-check";
import { changedKeys, OverlayMap } from "./overlay-map.ts";

const change = fc.tuple(fc.nat(60).map(String), fc.option(fc.nat(5), { nil: undefined }));
const steps = fc.array(fc.array(change, { maxLength: 40 }), { maxLength: 20 });

describe("OverlayMap", () => {
  it("is what a map with the same changes is, and leaves those before it as they were", () => {
    fc.assert(
      fc.property(steps, (changes) => {
        const model = new Map<string, number>([
          ["0", 0],
          ["1", 1],
        ]);
        let map = OverlayMap.over<string, number>(new Map(model));
        const before: { map: OverlayMap<string, number>; entries: readonly unknown[] }[] = [];
        for (const step of changes) {
          before.push({ map, entries: [...map] });
          map = map.with(step);
          for (const [key, value] of step) value === undefined ? model.delete(key) : model.set(key, value);
          expect(new Map(map)).toEqual(model);
          expect(map.size).toBe(model.size);
          expect([...map.keys()].every((key) => map.has(key) && map.get(key) === model.get(key))).toBe(true);
        }
        for (const { map: old, entries } of before) {
          expect([...old]).toEqual(entries);
          const differing = new Set([...old.keys(), ...map.keys()]);
          const expected = [...differing].filter((key) => old.get(key) !== map.get(key));
          expect([...changedKeys<string, number>(old, map)].sort()).toEqual(expected.sort());
        }
      }),
    );
  });

  it("keeps the places of keys that stay", () => {
    const map = OverlayMap.over(new Map([..."abc"].map((key) => [key, 1])));
    const next = map.with([
      ["d", 1],
      ["b", 2],
    ]);
    expect([...next]).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 1],
      ["d", 1],
    ]);
  });

  it("is itself where nothing changes", () => {
    const map = OverlayMap.over(new Map([["a", 1]]));
    expect(map.with([["a", 1]])).toBe(map);
    expect(map.with([["b", undefined]])).toBe(map);
  });
});
