import {
  anything,
  boolean,
  double,
  integer,
  list,
  map,
  message,
  nonEmptyString,
  oneOfWords,
  openMessage,
  required,
  string,
} from "./schema.ts";
import { validate, withoutNulls } from "./validate.ts";

const schema = message(
  {
    name: required(nonEmptyString(5)),
    mode: oneOfWords("ON", "OFF"),
    count: integer(1, 10),
    ratio: double(0),
    on: boolean(),
    items: list(message({ id: integer() }), { max: 2, unique: ["id"] }),
    labels: map(string(), (key) => (key === "" ? "has no name" : undefined)),
    free: anything(),
    open: openMessage({ id: integer() }),
    a: string(),
    b: string(),
  },
  { oneOf: [["a", "b"]], check: ({ count, on }) => (count === 7 && on ? "is odd" : undefined) },
);

const findings = (value: unknown) =>
  validate(schema, value).map(({ path, code, message }) => `${code} ${path}: ${message}`);

describe("validate()", () => {
  it("takes what the schema describes", () => {
    const value = {
      name: "a",
      mode: "ON",
      count: 1,
      ratio: 0.5,
      on: false,
      items: [{ id: 1 }, { id: 2 }],
      labels: { "a.b/c": "" },
      free: { x: [1] },
      open: { id: 1, other: true },
      a: "",
    };
    expect(findings(value)).toEqual([]);
  });

  it.each([
    ["text", 'wrong-type : is the string "text"; it must be a map with fields'],
    [[], "wrong-type : is a list; it must be a map with fields"],
    [{}, "missing-field name: is missing; it must be set"],
    [{ name: "" }, "not-allowed name: must not be empty"],
    [{ name: "abcdef" }, "not-allowed name: has 6 characters; allowed are up to 5"],
    [{ name: 1 }, "wrong-type name: is the number 1; it must be a string"],
    [{ name: "a", mode: "on" }, 'not-allowed mode: "on" is not allowed; allowed are ON and OFF'],
    [{ name: "a", mode: true }, "wrong-type mode: is the boolean true; it must be one of ON and OFF"],
    [{ name: "a", count: 0 }, "not-allowed count: 0 is out of range; allowed are 1 to 10"],
    [{ name: "a", count: 1.5 }, "wrong-type count: is the number 1.5; it must be an integer"],
    [{ name: "a", ratio: -1 }, "not-allowed ratio: -1 is out of range; allowed are 0 and above"],
    [{ name: "a", on: "yes" }, 'wrong-type on: is the string "yes"; it must be true or false'],
    [{ name: "a", items: {} }, "wrong-type items: is a map; it must be a list"],
    [{ name: "a", items: [1, 2, 3] }, "not-allowed items: has 3 items; allowed are 0 to 2"],
    [{ name: "a", items: [{ id: "x" }] }, 'wrong-type items[0].id: is the string "x"; it must be an integer'],
    [{ name: "a", items: [null] }, "wrong-type items[0]: is empty; it must be a map with fields"],
    [
      { name: "a", items: [{ id: 1 }, { id: 1 }] },
      "duplicate items[1].id: 1 is already the id of [0]; each may stand only once",
    ],
    [{ name: "a", labels: { "x.y": 1 } }, "wrong-type labels[x.y]: is the number 1; it must be a string"],
    [{ name: "a", labels: { "": "" } }, "not-allowed labels[]: has no name"],
    [
      { name: "a", nmae: 1, name_: 1 },
      "unknown-field nmae: unknown field; allowed are name, mode, count, ratio, on, items, labels, free, open, a and b",
    ],
    [{ name: "a", Items: [] }, "unknown-field Items: unknown field; did you mean items?"],
    [{ name: "a", constructor: 1 }, "unknown-field constructor: unknown field; allowed are"],
    [{ name: "a", a: "1", b: "2" }, "exclusive-fields : a and b exclude each other; set one of them"],
    [{ name: "a", count: 7, on: true }, "not-allowed : is odd"],
  ])("refuses %j", (value, finding) => {
    expect(findings(value)[0]).toContain(finding);
  });

  it("counts null as absent", () => {
    expect(findings({ name: "a", mode: null, items: null, a: "1", b: null, unknown: null })).toEqual([]);
    expect(findings({ name: null })).toEqual(["missing-field name: is missing; it must be set"]);
  });

  it("tells no more than a hundred", () => {
    expect(validate(list(integer()), Array(200).fill("x"))).toHaveLength(100);
  });
});

describe("withoutNulls()", () => {
  it("drops nulls but keeps what is free", () => {
    const value = {
      name: "a",
      mode: null,
      items: [{ id: null }],
      labels: { a: null, b: "" },
      free: { x: null },
    };
    expect(withoutNulls(schema, value as never)).toEqual({
      name: "a",
      items: [{}],
      labels: { b: "" },
      free: { x: null },
    });
  });

  it("gives the same object where there are none", () => {
    const value = { name: "a", items: [{ id: 1 }], labels: { b: "" } };
    expect(withoutNulls(schema, value as never)).toBe(value);
  });
});
