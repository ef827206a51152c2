import fc from "fast-check";
import { HeaderMap } from "./headers.ts";

describe("HeaderMap", () => {
  it("does what a plain list of pairs does", () => {
    const name = fc.constantFrom("a", "b", "c");
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("append" as const), name, value: fc.string() }),
      fc.record({ kind: fc.constant("set" as const), name, value: fc.string() }),
      fc.record({ kind: fc.constant("remove" as const), name }),
    );
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const map = new HeaderMap();
        let model: (readonly [string, string])[] = [];
        for (const step of operations) {
          if (step.kind === "append") {
            map.append(step.name, step.value);
            model.push([step.name, step.value]);
          } else if (step.kind === "set") {
            map.set(step.name, step.value);
            const first = model.findIndex(([key]) => key === step.name);
            if (first < 0) model.push([step.name, step.value]);
            else
              model = model.flatMap((pair, i) =>
                i === first ? [[step.name, step.value] as const] : pair[0] === step.name ? [] : [pair],
              );
          } else {
            expect(map.remove(step.name)).toBe(model.some(([key]) => key === step.name));
            model = model.filter(([key]) => key !== step.name);
          }
        }
        expect([...map]).toEqual(model);
        expect(map.size).toBe(model.length);
        for (const key of ["a", "b", "c"]) {
          const values = model.filter(([other]) => other === key).map(([, value]) => value);
          expect(map.get(key)).toBe(values.length === 0 ? undefined : values.join(","));
          expect(map.first(key)).toBe(values[0]);
          expect(map.has(key)).toBe(values.length > 0);
        }
      }),
    );
  });
});
