import type { EncodedResource } from "@weft/envoy-api";
import { orders } from "@weft/testkit";
import { mergeLists, toResourceList } from "./resource-list.ts";

function resource(name: string, version = name): EncodedResource {
  return { name, typeUrl: "t", any: new Uint8Array(), version, origin: [] };
}
const names = ({ resources }: ReturnType<typeof toResourceList>) =>
  resources.map(({ name }) => name).join("");
const list = (text: string) => toResourceList([...text].map((name) => resource(name)));

describe("toResourceList()", () => {
  it("orders by name and hashes by content, whatever the order it is given", () => {
    const made = orders([..."badc"].map((name) => resource(name))).map((order) => toResourceList(order));
    expect(new Set(made.map(names))).toEqual(new Set(["abcd"]));
    expect(new Set(made.map(({ version }) => version)).size).toBe(1);
    expect(toResourceList([resource("a", "other")]).version).not.toBe(list("a").version);
  });

  it("keeps the first of two with one name", () => {
    expect(toResourceList([resource("a", "first"), resource("a", "second")]).resources[0]?.version).toBe(
      "first",
    );
  });
});

describe("mergeLists()", () => {
  it.each([
    ["", "", ""],
    ["a", "", "a"],
    ["", "b", "b"],
    ["ace", "bdf", "abcdef"],
    ["bdf", "ace", "abcdef"],
    ["xyz", "ab", "abxyz"],
    ["ab", "ab", "ab"],
    ["ab", "bc", "abc"],
  ])("of %j and %j is %j", (first, second, merged) => {
    expect(names(mergeLists(list(first), list(second)))).toBe(merged);
  });

  it("prefers the first list, and tells different ones apart", () => {
    const first = toResourceList([resource("a", "own")]);
    expect(mergeLists(first, list("ab")).resources[0]?.version).toBe("own");
    expect(mergeLists(first, list("ab")).version).not.toBe(mergeLists(first, list("ac")).version);
  });
});
