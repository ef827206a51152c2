import { covers, deltaInterest, type Interest, sotwInterest } from "./interest.ts";

const spell = ({ wildcard, names, legacy }: Interest) =>
  [legacy ? "legacy" : "", wildcard ? "*" : "", ...names].filter(Boolean).join(" ");

describe("sotwInterest()", () => {
  it.each([
    ["a first request without names asks for all", [[]], "legacy *"],
    ["so do later ones", [[], []], "legacy *"],
    ["a name ends that", [[], ["a"]], "a"],
    ["after a name, an empty list asks for nothing", [["a"], []], ""],
    ["after the explicit wildcard as well", [["*"], []], ""],
    ["wildcard and names go together", [["*", "a"]], "* a"],
    [
      "each list replaces the one before",
      [
        ["a", "b"],
        ["b", "c"],
      ],
      "b c",
    ],
  ])("%s", (_what, requests, expected) => {
    const end = requests.reduce<Interest | undefined>(
      (interest, names) => sotwInterest(interest, names),
      undefined,
    );
    expect(end && spell(end)).toBe(expected);
  });

  it("gives the same interest where nothing changed, whatever the order", () => {
    const interest = sotwInterest(undefined, ["a", "b"]);
    expect(sotwInterest(interest, ["b", "a"])).toBe(interest);
  });

  it("gives streams in the same situation that share a request the same interest", () => {
    const [before, other] = [sotwInterest(undefined, ["a"]), sotwInterest(undefined, ["b"])];
    const names = ["a", "b"];
    const next = sotwInterest(before, names);
    expect(sotwInterest(before, names)).toBe(next);
    expect(sotwInterest(other, names)).not.toBe(next);
    expect(spell(sotwInterest(next, names))).toBe("a b");
  });
});

describe("deltaInterest()", () => {
  type Change = readonly [subscribe: readonly string[], unsubscribe: readonly string[]];
  const table: readonly (readonly [what: string, changes: readonly Change[], expected: string])[] = [
    ["a first request without names asks for all", [[[], []]], "legacy *"],
    [
      "so do later ones, as ACKs are",
      [
        [[], []],
        [[], []],
      ],
      "legacy *",
    ],
    [
      "a name ends that",
      [
        [[], []],
        [["a"], []],
      ],
      "a",
    ],
    [
      "unless the wildcard is named with it",
      [
        [[], []],
        [["*", "a"], []],
      ],
      "* a",
    ],
    [
      "the older wildcard can be unsubscribed from",
      [
        [[], []],
        [[], ["*"]],
      ],
      "",
    ],
    [
      "names add up",
      [
        [["a"], []],
        [["b"], []],
      ],
      "a b",
    ],
    [
      "names are taken away",
      [
        [["a", "b"], []],
        [[], ["a"]],
      ],
      "b",
    ],
    [
      "all names gone is nothing, not all",
      [
        [["a"], []],
        [[], ["a"]],
        [[], []],
      ],
      "",
    ],
    [
      "the wildcard comes and goes beside names",
      [
        [["a"], []],
        [["*"], []],
        [[], ["*"]],
      ],
      "a",
    ],
    [
      "what was never there can be taken away",
      [
        [["a"], []],
        [[], ["b"]],
      ],
      "a",
    ],
  ];
  it.each(table)("%s", (_what, changes, expected) => {
    const end = changes.reduce<Interest | undefined>(
      (interest, [subscribe, unsubscribe]) => deltaInterest(interest, subscribe, unsubscribe),
      undefined,
    );
    expect(end && spell(end)).toBe(expected);
  });

  it("gives the same interest where nothing changed", () => {
    const interest = deltaInterest(undefined, ["a"], []);
    expect(deltaInterest(interest, [], [])).toBe(interest);
    expect(deltaInterest(interest, ["a"], ["b"])).toBe(interest);
  });
});

describe("covers()", () => {
  it("covers names asked for, and all names with the wildcard", () => {
    expect(covers(sotwInterest(undefined, ["a"]), "a")).toBe(true);
    expect(covers(sotwInterest(undefined, ["a"]), "b")).toBe(false);
    expect(covers(sotwInterest(undefined, ["*"]), "b")).toBe(true);
  });
});
