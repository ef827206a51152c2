import { isVisibleTo, parseExportTo } from "./visibility.ts";

describe("parseExportTo()", () => {
  it.each([
    [undefined, ["*"], { kind: "public" }],
    [[], ["."], { kind: "namespaces", namespaces: ["own"] }],
    [["*", "a"], ["."], { kind: "public" }],
    [["~"], ["*"], { kind: "none" }],
    [["b", ".", "a", "b"], ["*"], { kind: "namespaces", namespaces: ["a", "b", "own"] }],
  ] as const)("%j, by default %j → %j", (exportTo, fallback, visibility) => {
    expect(parseExportTo(exportTo, "own", fallback)).toEqual(visibility);
  });
});

describe("isVisibleTo()", () => {
  it("asks the list", () => {
    expect(isVisibleTo({ kind: "public" }, "a")).toBe(true);
    expect(isVisibleTo({ kind: "none" }, "a")).toBe(false);
    expect(isVisibleTo({ kind: "namespaces", namespaces: ["a"] }, "a")).toBe(true);
    expect(isVisibleTo({ kind: "namespaces", namespaces: ["a"] }, "b")).toBe(false);
  });
});
