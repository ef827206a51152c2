import type { EncodedResource } from "@weft/envoy-api";
import { orders } from "@weft/testkit";
import { mergeLists, replaceIn, toResourceList } from "./resource-list.ts";

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

  it("keeps the first of two with one name, whatever the last list was", () => {
    const [one, other] = [resource("a", "one"), resource("a", "other")];
    const last = toResourceList([one, other]);
    const next = toResourceList([resource("a", "new"), other], last);
    expect(next.resources.map(({ version }) => version)).toEqual(["new"]);
  });
});

describe("replaceIn()", () => {
  it("gives the list that would be made with them", () => {
    const changed = [resource("c", "new"), resource("a", "new")];
    const made = toResourceList([resource("a", "new"), resource("b"), resource("c", "new"), resource("d")]);
    expect(replaceIn(list("abcd"), changed)).toEqual(made);
  });

  it.each(["e", "", "bb"])("has no place for %j", (name) => {
    expect(replaceIn(list("abcd"), [resource(name)])).toBeUndefined();
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
