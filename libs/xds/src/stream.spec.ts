import { typeUrls } from "@weft/envoy-api";
import { openExchange, setOf, spell } from "./testing/exchange.ts";

describe("a stream, state of the world", () => {
  const open = () => {
    const exchange = openExchange("sotw");
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a", "EDS b", "LDS l", "RDS r"));
    return exchange;
  };

  it("answers each type, with all clusters and listeners and the endpoints and routes asked for", () => {
    const exchange = open();
    exchange.request("CDS");
    expect(exchange.settle()).toEqual(["CDS a b"]);
    exchange.request("EDS", { names: ["a"] });
    expect(exchange.settle({ EDS: ["a"] })).toEqual(["EDS a"]);
    exchange.request("LDS");
    exchange.request("RDS", { names: ["r", "none"] });
    expect(exchange.settle({ RDS: ["r", "none"] })).toEqual(["LDS l", "RDS r"]);
    expect(exchange.stream.status().map(({ state }) => state)).toEqual([
      "SYNCED",
      "SYNCED",
      "SYNCED",
      "SYNCED",
    ]);
  });

  it("answers a type of which there is nothing", () => {
    const exchange = open();
    exchange.stream.update(setOf());
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a"] });
    expect(exchange.settle({ EDS: ["a"] })).toEqual(["CDS", "EDS"]);
  });

  it("sends of endpoints what changed, of clusters all, and nothing for what did not change", () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.settle({ EDS: ["a", "b"] });
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a=2", "EDS b", "EDS c", "LDS l", "RDS r"));
    expect(exchange.settle({ EDS: ["a", "b"] })).toEqual(["EDS a"]);
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a=2", "EDS b", "EDS c=2", "LDS l", "RDS r"));
    expect(exchange.settle()).toEqual([]);
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a=2", "EDS b", "EDS c=2"));
    expect(exchange.settle()).toEqual(["CDS a b"]);
  });

  it("ignores a request with a nonce that is not the last one", () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a"] });
    exchange.take();
    const first = exchange.take();
    exchange.request("CDS", { nonce: "1" });
    exchange.clock.advance(5_000);
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a=2", "EDS b=2"));
    const second = exchange.take();
    exchange.request("EDS", { names: ["a", "b"], nonce: first.nonce });
    expect(exchange.written).toEqual([]);
    expect(exchange.stream.status()[1]).toMatchObject({ state: "STALE", names: new Set(["a"]) });
    exchange.request("EDS", { names: ["a", "b"], nonce: second.nonce });
    expect(exchange.settle({ EDS: ["a", "b"] })).toEqual(["EDS b"]);
  });

  it("does not send again what a client says it accepted", () => {
    const { typeUrl, version } = (() => {
      const exchange = open();
      exchange.request("CDS");
      return exchange.take();
    })();
    expect(typeUrl).toBe(typeUrls.cluster);
    const again = open();
    again.request("CDS", { version });
    expect(again.written).toEqual([]);
    expect(again.stream.status()).toMatchObject([{ state: "SYNCED", acked: { version } }]);
    again.stream.update(setOf("CDS a"));
    expect(again.settle()).toEqual(["CDS a"]);
  });

  it("removes all from a client that comes back with an accepted version", () => {
    const exchange = open();
    exchange.request("LDS", { version: setOf("LDS l").typeVersion(typeUrls.listener) });
    exchange.stream.update(setOf());
    expect(exchange.settle()).toEqual(["LDS"]);
  });

  it("keeps clusters that are gone until the routes are ACKed", () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.request("RDS", { names: ["r"] });
    exchange.settle({ EDS: ["a", "b"], RDS: ["r"] });
    exchange.stream.update(setOf("CDS b", "CDS c", "EDS b", "EDS c", "RDS r=2"));
    expect(exchange.settle({ EDS: ["b"], RDS: ["r"] })).toEqual(["CDS b c a", "RDS r", "CDS b c"]);
  });

  it("answers a request that is repeated after clusters changed, in full", () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.settle({ EDS: ["a", "b"] });
    const nonce = exchange.stream.status()[1]?.sent?.nonce ?? "";
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a", "EDS b"));
    expect(exchange.settle()).toEqual(["CDS a b"]);
    exchange.request("EDS", { names: ["a", "b"], nonce });
    expect(exchange.settle({ EDS: ["a", "b"] })).toEqual(["EDS a b"]);
  });

  it("answers a request that is repeated on a stream of endpoints alone, in full", () => {
    const exchange = open();
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.settle({ EDS: ["a", "b"] });
    exchange.stream.update(setOf("EDS a=2", "EDS b"));
    const { nonce } = exchange.take();
    exchange.request("EDS", { names: ["a", "b"], nonce });
    expect(exchange.written).toEqual([]);
    exchange.request("EDS", { names: ["a", "b"], nonce });
    expect(exchange.settle({ EDS: ["a", "b"] })).toEqual(["EDS a b"]);
  });

  it("sends endpoints in full that change together with clusters", () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.settle({ EDS: ["a", "b"] });
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a", "EDS b=2"));
    expect(exchange.settle({ EDS: ["a", "b"] })).toEqual(["CDS a b", "EDS a b"]);
  });
});

describe("a stream, incremental", () => {
  const open = () => {
    const exchange = openExchange("delta");
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a", "EDS b", "LDS l", "RDS r"));
    return exchange;
  };
  const openAll = () => {
    const exchange = open();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    exchange.request("LDS");
    exchange.request("RDS", { names: ["r"] });
    expect(exchange.settle()).toEqual(["CDS a b", "EDS a b", "LDS l", "RDS r"]);
    return exchange;
  };

  it("sends what changed, and what is gone last", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS b", "CDS c=1", "EDS b=2", "LDS l", "RDS r=2"));
    expect(exchange.settle()).toEqual(["CDS c", "EDS b", "RDS r", "CDS -a", "EDS -a"]);
    exchange.stream.update(setOf("CDS b", "CDS c=1", "EDS b=2", "LDS l=2", "RDS r=2"));
    expect(exchange.settle()).toEqual(["LDS l"]);
  });

  it("does not remove what came back before it was removed", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS a", "EDS a", "EDS b", "LDS l", "RDS r=2"));
    expect(spell(exchange.take())).toBe("RDS r");
    exchange.stream.update(setOf("CDS a", "CDS b=2", "EDS a", "EDS b", "LDS l", "RDS r=2"));
    expect(exchange.settle()).toEqual(["CDS b", "EDS b"]);
  });

  it("says so where there is none of what is asked for", () => {
    const exchange = open();
    exchange.request("RDS", { names: ["r", "none"] });
    expect(exchange.settle()).toEqual(["RDS r -none"]);
    exchange.stream.update(setOf("RDS r", "RDS none"));
    expect(exchange.settle()).toEqual(["RDS none"]);
  });

  it("answers names as they are added, and again if they are subscribed to again", () => {
    const exchange = open();
    exchange.request("EDS", { names: ["a"] });
    expect(exchange.settle()).toEqual(["EDS a"]);
    exchange.request("EDS", { names: ["b"] });
    expect(exchange.settle()).toEqual(["EDS b"]);
    exchange.request("EDS", { names: ["a"] });
    expect(exchange.settle()).toEqual(["EDS a"]);
    exchange.request("EDS", { unsubscribe: ["a"] });
    exchange.stream.update(setOf("EDS a=2", "EDS b=2"));
    expect(exchange.settle()).toEqual(["EDS b"]);
  });

  it("says once that something is gone which is asked for again", () => {
    const exchange = open();
    exchange.request("EDS", { names: ["a"] });
    const { nonce } = exchange.take();
    exchange.stream.update(setOf("EDS b"));
    exchange.request("EDS", { names: ["a"], nonce });
    expect(exchange.settle()).toEqual(["EDS -a"]);
  });

  it("sends all that the client lacks when the wildcard is added, and tells what it still covers", () => {
    const exchange = open();
    exchange.request("EDS", { names: ["b"] });
    exchange.settle();
    exchange.request("EDS", { names: ["*"] });
    expect(exchange.settle()).toEqual(["EDS a"]);
    exchange.request("EDS", { unsubscribe: ["b"] });
    expect(exchange.settle()).toEqual(["EDS b"]);
    exchange.request("EDS", { unsubscribe: ["*"] });
    exchange.stream.update(setOf("EDS a=2"));
    expect(exchange.settle()).toEqual([]);
  });

  it("sends a client that comes back what it lacks, and removes what is gone", () => {
    const version = (name: string) =>
      setOf("CDS a", "CDS b").ofType(typeUrls.cluster).get(name)?.version ?? "";
    const exchange = open();
    exchange.request("CDS", { initial: { a: version("a"), b: "older", gone: "x" } });
    expect(exchange.settle()).toEqual(["CDS b -gone"]);
    const same = open();
    same.request("CDS", { initial: { a: version("a"), b: version("b") } });
    expect(same.settle()).toEqual(["CDS"]);
    expect(same.stream.status()).toMatchObject([{ state: "SYNCED" }]);
  });

  it("sends the endpoints of a changed cluster again, for it waits for them", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a", "EDS b", "LDS l", "RDS r"));
    expect(exchange.settle()).toEqual(["CDS a", "EDS a"]);
  });

  it("reports a NACK, does not repeat what was rejected, and forgets it with the next ACK", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a", "EDS b", "LDS l=bad", "RDS r"));
    const { nonce } = exchange.take();
    exchange.request("LDS", { nonce, error: "bad listener" });
    expect(exchange.written).toEqual([]);
    const status = () => exchange.stream.status().find(({ typeUrl }) => typeUrl === typeUrls.listener);
    expect(status()).toMatchObject({ state: "STALE", nacked: { nonce, code: 13, message: "bad listener" } });
    exchange.stream.update(setOf("CDS a", "CDS b", "EDS a", "EDS b", "LDS l=good", "RDS r"));
    expect(exchange.settle()).toEqual(["LDS l"]);
    expect(status()).toMatchObject({ state: "SYNCED", nacked: undefined });
  });

  it("takes a NACK for what was ACKed before", () => {
    const exchange = open();
    exchange.request("CDS");
    const { nonce } = exchange.take();
    exchange.request("CDS", { nonce });
    exchange.request("CDS", { nonce, error: "bad after all" });
    expect(exchange.stream.status()).toMatchObject([{ nacked: { message: "bad after all" } }]);
  });

  it("counts an ACK only for the last response, but its subscriptions always", () => {
    const exchange = open();
    exchange.request("EDS", { names: ["a"] });
    const first = exchange.take();
    exchange.clock.advance(5_000);
    exchange.stream.update(setOf("EDS a=2", "EDS b"));
    exchange.take();
    exchange.request("EDS", { nonce: first.nonce, names: ["b"] });
    expect(exchange.stream.status()).toMatchObject([{ state: "STALE", names: new Set(["a", "b"]) }]);
  });

  it("holds routes until clusters and endpoints are ACKed, but not for ever", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a", "EDS b", "LDS l", "RDS r=2"));
    expect([exchange.take(), exchange.take()].map(spell)).toEqual(["CDS a", "EDS a"]);
    expect(exchange.written).toEqual([]);
    exchange.clock.advance(4_999);
    expect(exchange.written).toEqual([]);
    exchange.clock.advance(1);
    expect(exchange.written.map(spell)).toEqual(["RDS r"]);
  });

  it("goes on after a NACK of clusters", () => {
    const exchange = openAll();
    exchange.stream.update(setOf("CDS a=2", "CDS b", "EDS a", "EDS b", "LDS l", "RDS r=2"));
    const clusters = exchange.take();
    exchange.request("CDS", { nonce: clusters.nonce, error: "no" });
    expect(exchange.settle()).toEqual(["EDS a", "RDS r"]);
  });

  it("never has more than one response waiting to leave; a newer set replaces what waits", () => {
    const exchange = open();
    exchange.hold();
    exchange.request("CDS");
    exchange.request("EDS", { names: ["a", "b"] });
    for (let i = 0; i < 100; i++) {
      exchange.stream.update(setOf(`CDS a=${i}`, "CDS b", `EDS a=${i}`, "EDS b", "LDS l", "RDS r"));
    }
    expect(exchange.written).toHaveLength(1);
    exchange.settle();
    exchange.flush();
    const next = exchange.take();
    expect(Buffer.from(next.resources[0]?.value ?? []).toString()).toMatch(/99$/);
  });

  it("tells what happens", () => {
    const exchange = open();
    exchange.request("CDS");
    const { nonce, version } = exchange.take();
    exchange.clock.advance(3);
    exchange.request("CDS", { nonce });
    expect(exchange.events).toMatchObject([
      { kind: "subscribed", typeUrl: typeUrls.cluster, interest: { wildcard: true } },
      { kind: "sent", sent: { nonce, version, at: 0 }, resources: 2, removed: 0 },
      { kind: "flushed", typeUrl: typeUrls.cluster, ms: 0 },
      { kind: "acked", acked: { nonce, version, at: 3 } },
    ]);
  });
});
