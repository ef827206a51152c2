import { parseManifests } from "./manifests.ts";

describe("parseManifests()", () => {
  it("finds every object of a file, and its line", () => {
    const text =
      "# head\nkind: Service\napiVersion: v1\nmetadata: {name: a}\n---\nimages: {}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: b}\n";
    const found = parseManifests(text, "a.yaml").map(({ object, line }) => [
      object.kind,
      object.metadata.name,
      line,
    ]);
    expect(found).toEqual([
      ["Service", "a", 2],
      ["Pod", "b", 8],
    ]);
  });

  it.each([
    ["a: b: c", /^a\.yaml:1: /],
    ["x: 1\n---\nkind: Pod\nmetadata: {}\n", /^a\.yaml:3: a Pod needs apiVersion and metadata\.name/],
  ])("names file and line of what is wrong in %j", (text, message) => {
    expect(() => parseManifests(text, "a.yaml")).toThrow(message);
  });
});
