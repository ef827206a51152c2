import fc from "fast-check";
import { namedIn } from "./rejection.ts";
import { openExchange, setOf, short } from "./testing/exchange.ts";

/** Sends a set to a client that rejects every response with one of `bad` in it, with the words of `say`. */
function converse(set: readonly string[], bad: readonly string[], say: (names: readonly string[]) => string) {
  const exchange = openExchange("delta");
  const { stream, request, written } = exchange;
  const taken = new Set<string>();
  const responses: string[][] = [];
  const answer = () => {
    for (let response = written.shift(); response !== undefined; response = written.shift()) {
      const names = response.resources.map(({ name }) => name);
      responses.push(names);
      const wrong = names.filter((name) => bad.includes(name));
      if (wrong.length === 0) for (const name of names) taken.add(name);
      request("CDS", { nonce: response.nonce, ...(wrong.length > 0 && { error: say(wrong) }) });
    }
  };
  stream.update(setOf(...set.map((name) => `CDS ${name}`)));
  request("CDS");
  answer();
  const status = () => exchange.stream.status()[0];
  return { ...exchange, taken, responses, answer, status };
}

const letters = [..."abcdefghijklmnop"];
const silent = () => "something is wrong";

describe("a rejected response", () => {
  it("is sent again without the resources that the client names", () => {
    const { taken, responses, status } = converse(
      letters,
      ["c", "f"],
      (names) => `Error adding/updating cluster(s) ${names.map((name) => `${name}: bad`).join(", ")}`,
    );
    expect(responses).toHaveLength(2);
    expect([...taken]).toEqual(letters.filter((name) => !["c", "f"].includes(name)));
    expect(status()).toMatchObject({
      state: "STALE",
      nacked: { message: expect.stringContaining("c: bad") },
    });
    expect([...(status()?.rejected.keys() ?? [])]).toEqual(["c", "f"]);
  });

  it("is sent again in parts where the client names nobody for certain", () => {
    const { taken, responses, status } = converse(letters, ["c"], () => 'the route of "c" is that of "d"');
    expect(responses.slice(1)).toEqual([letters.filter((n) => n !== "c" && n !== "d"), ["c"], ["d"]]);
    expect(taken.has("d")).toBe(true);
    expect([...(status()?.rejected.keys() ?? [])]).toEqual(["c"]);
  });

  it("is sent again in halves where the client names nobody", () => {
    const { taken, responses, status } = converse(letters, ["c"], silent);
    expect(responses.map(({ length }) => length)).toEqual([16, 8, 4, 2, 2, 1, 1, 4, 8]);
    expect(taken.size).toBe(15);
    expect([...(status()?.rejected.keys() ?? [])]).toEqual(["c"]);
  });

  it("gets in all that is sound, and tells exactly what is not", () => {
    fc.assert(
      fc.property(fc.subarray(letters, { maxLength: 5 }), (bad) => {
        const { taken, status } = converse(letters, bad, silent);
        expect([...taken].sort()).toEqual(letters.filter((name) => !bad.includes(name)));
        expect([...(status()?.rejected.keys() ?? [])].sort()).toEqual(bad);
      }),
    );
  });

  it("is not tried for ever", () => {
    const many = Array.from({ length: 1_000 }, (_, i) => `n${i}`);
    const { responses, status } = converse(many, many, silent);
    expect(responses.length).toBeLessThan(140);
    expect(status()?.rejected.size).toBe(1_000);
  });

  it("has what was rejected sent again when that changes, and not before", () => {
    const { stream, responses, answer, status } = converse(["a", "b"], ["b"], silent);
    const before = responses.length;
    stream.update(setOf("CDS a=2", "CDS b"));
    answer();
    expect(responses.slice(before)).toEqual([["a"]]);
    expect(status()?.rejected.has("b")).toBe(true);
    stream.update(setOf("CDS a=2", "CDS b=2"));
    answer();
    expect(responses.at(-1)).toEqual(["b"]);
    stream.update(setOf("CDS a=2"));
    answer();
    expect(status()).toMatchObject({ state: "SYNCED", nacked: undefined });
    expect(status()?.rejected.size).toBe(0);
  });

  it("keeps what refers to clusters waiting until it is known what is wrong", () => {
    const { stream, request, take, written } = openExchange("delta");
    stream.update(setOf("CDS a", "CDS b", "RDS r"));
    request("CDS");
    request("RDS", { names: ["r"] });
    const reject = () => request("CDS", { nonce: take().nonce, error: "bad" });
    reject();
    expect(written.map(({ typeUrl }) => typeUrl)).toEqual([short.CDS]);
    reject();
    reject();
    expect(written.map(({ typeUrl }) => typeUrl)).toEqual([short.RDS]);
  });

  it("tells once more what was taken away", () => {
    const { stream, request, take, settle } = openExchange("delta");
    stream.update(setOf("CDS a", "CDS b", "CDS c"));
    request("CDS");
    settle();
    stream.update(setOf("CDS a=2", "CDS b=2"));
    const { nonce } = take();
    request("CDS", { nonce, error: "Error adding/updating cluster(s) b: no" });
    expect(settle()).toEqual(["CDS a -c"]);
  });
});

describe("namedIn()", () => {
  it.each([
    [
      "Error adding/updating listener(s) 0.0.0.0_80: bad\n0.0.0.0_8080: worse",
      ["0.0.0.0_80", "0.0.0.0_8080"],
      [],
    ],
    ["Error adding/updating virtual host 80/a:80: bad", ["80/a:80"], []],
    ["Only unique values for domains are permitted. Duplicate entry of domain x in route 80", [], ["80"]],
    ["port 1080 is wrong, see http://80/", [], []],
  ])("finds in %j the names %j for certain and %j perhaps", (message, certain, suspected) => {
    const names = ["80", "0.0.0.0_80", "0.0.0.0_8080", "80/a:80", "80/a", ""];
    expect(namedIn(message, names)).toEqual({ certain, suspected });
  });
});
