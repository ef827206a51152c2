import fc from "fast-check";
import { diffJson, type PatchOperation } from "./json-patch.ts";

type Tree = { [name: string]: unknown };

/** Applies what {@link diffJson} gives; lists are only ever replaced as a whole. */
function apply(document: unknown, patch: readonly PatchOperation[]): unknown {
  let root = structuredClone(document);
  for (const operation of patch) {
    const names = operation.path
      .split("/")
      .slice(1)
      .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = names.pop();
    if (last === undefined) {
      root = operation.op === "remove" ? undefined : operation.value;
      continue;
    }
    const parent = names.reduce((at, name) => at[name] as Tree, root as Tree);
    if (operation.op === "remove") delete parent[last];
    else parent[last] = operation.value;
  }
  return root;
}

describe("diffJson()", () => {
  it("says nothing of what is the same", () => {
    expect(diffJson({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([]);
  });

  it("adds, replaces and removes fields, with names escaped", () => {
    const from = { kept: 1, gone: 2, changed: 3, "a/b~c": { d: 4 } };
    const to = { kept: 1, changed: [3], "a/b~c": { d: 5 }, added: null };
    expect(diffJson(from, to)).toEqual([
      { op: "replace", path: "/a~1b~0c/d", value: 5 },
      { op: "add", path: "/added", value: null },
      { op: "replace", path: "/changed", value: [3] },
      { op: "remove", path: "/gone" },
    ]);
  });

  it("makes any document of any other", () => {
    const json = fc.object({
      // What applies the patch here cannot set it.
      key: fc.string().filter((name) => name !== "__proto__"),
      values: [fc.integer(), fc.string(), fc.boolean(), fc.constant(null)],
      maxDepth: 3,
    });
    fc.assert(
      fc.property(json, json, (from, to) => {
        expect(apply(from, diffJson(from, to))).toEqual(to);
      }),
    );
  });
});
