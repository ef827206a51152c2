import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type ResourceSet, typeUrls } from "@weft/envoy-api";
import { createStore, type MeshObject, refOf } from "@weft/mesh-model";
import { readDocuments, seededRandom } from "@weft/testkit";
import fc from "fast-check";
import { anySidecar, parseObjects, viewOf } from "./testing/mesh.ts";
import { createTranslator, translate } from "./translate.ts";

const golden = join(import.meta.dirname, "../golden");
const objects = readdirSync(golden)
  .filter((file) => file.startsWith("outbound") && file.endsWith(".in.yaml"))
  .flatMap((file) => parseObjects(readDocuments(join(golden, file)).slice(1)));

/** The object, or with another number of ports, endpoints, routes … at random: one element less of one of its lists. */
function changed(object: MeshObject, random: () => number): MeshObject {
  const lists: (readonly unknown[])[] = [];
  const text = JSON.stringify(object.body, (_key, value: unknown) => {
    if (Array.isArray(value) && value.length > 1) lists.push(value);
    return value;
  });
  const list = lists[Math.floor(random() * lists.length)];
  if (list === undefined) return object;
  const shorter = JSON.stringify(list.toSpliced(Math.floor(random() * list.length), 1));
  return { ...object, body: JSON.parse(text.replace(JSON.stringify(list), shorter)) };
}

const types = Object.values(typeUrls);
const bytes = (set: ResourceSet) =>
  types.map((type) => [...set.ofType(type).values()].map(({ name, version }) => `${name} ${version}`));

describe("createTranslator()", () => {
  it("gives after any changes what a fresh one gives, and equal types as the same maps", () => {
    const run = (steps: readonly number[], seed: number) => {
      const random = seededRandom(seed);
      const store = createStore();
      const translator = createTranslator();
      for (const object of objects) store.apply({ kind: "upsert", object });
      let last = translator.translate(viewOf(store.snapshot(), anySidecar)).value;
      for (const step of steps) {
        const object = objects[step % objects.length] as MeshObject; // within the array
        if (random() < 0.2) store.apply({ kind: "delete", ref: refOf(object) });
        else store.apply({ kind: "upsert", object: random() < 0.3 ? object : changed(object, random) });
        const view = viewOf(store.snapshot(), anySidecar);
        const next = translator.translate(view, last);
        const fresh = translate(view);
        expect(bytes(next.value)).toEqual(bytes(fresh.value));
        expect(next.value.version).toBe(fresh.value.version);
        expect(next.problems).toEqual(fresh.problems);
        for (const type of types)
          if (next.value.typeVersion(type) === last.typeVersion(type))
            expect(next.value.ofType(type)).toBe(last.ofType(type));
        last = next.value;
      }
    };
    fc.assert(fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), fc.integer(), run), {
      numRuns: 25,
    });
  });
});
