import { createFakeClock } from "@weft/base";
import { keySetObject, type SourceEvent } from "@weft/mesh-model";
import { silentLogger } from "@weft/observability";
import { createJwksResolver, type WantedKeySet } from "./resolver.ts";

const uri = "https://issuer.example.com/keys";
const source = { kind: "jwks", url: uri } as const;
const wanted: WantedKeySet = { source, timeoutMs: 5000 };
const keys = (id: string) => JSON.stringify({ keys: [{ kty: "EC", kid: id }] });
const upsert = (id: string): SourceEvent => ({ kind: "upsert", object: keySetObject(source, keys(id)) });

/** Lets promises settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function start(answers: Record<string, string | Error>, options: { maxSources?: number } = {}) {
  const clock = createFakeClock();
  const events: SourceEvent[] = [];
  const fetches: string[] = [];
  const results: boolean[] = [];
  const resolver = createJwksResolver({
    sink: (event) => void events.push(event),
    fetch: async (url) => {
      fetches.push(url);
      const answer = answers[url] ?? new Error("there is no such server");
      if (typeof answer === "string") return answer;
      throw answer;
    },
    clock,
    logger: silentLogger,
    onFetch: (succeeded) => void results.push(succeeded),
    refreshMs: 60_000,
    retryMs: 1000,
    random: () => 0,
    ...options,
  });
  return { clock, events, fetches, results, resolver, answers };
}

describe("createJwksResolver()", () => {
  it("tells of keys once, and again when they change", async () => {
    const { clock, events, fetches, results, resolver, answers } = start({ [uri]: keys("a") });
    resolver.want([wanted]);
    await settled();
    expect(events).toEqual([upsert("a")]);
    clock.advance(60_000);
    await settled();
    expect([events.length, fetches.length]).toEqual([1, 2]);
    answers[uri] = keys("b");
    clock.advance(60_000);
    await settled();
    expect(events).toEqual([upsert("a"), upsert("b")]);
    expect(results).toEqual([true, true, true]);
    resolver.close();
  });

  it("keeps the last good keys while fetches fail, and tries again ever later", async () => {
    const { clock, events, fetches, results, resolver, answers } = start({ [uri]: keys("a") });
    resolver.want([wanted]);
    await settled();
    delete answers[uri];
    clock.advance(60_000);
    await settled();
    for (const [afterMs, tries] of [
      [999, 2],
      [1, 3],
      [1999, 3],
      [1, 4],
      [4000, 5],
    ] as const) {
      clock.advance(afterMs);
      await settled();
      expect([afterMs, fetches.length]).toEqual([afterMs, tries]);
    }
    answers[uri] = keys("b");
    clock.advance(8000);
    await settled();
    expect(events).toEqual([upsert("a"), upsert("b")]);
    expect(results).toEqual([true, false, false, false, false, true]);
    resolver.close();
  });

  it.each([
    ["garbage", "<html>"],
    ["another document", "{}"],
    ["no keys at all", '{"keys":[]}'],
    ["a list", "[]"],
  ])("takes %s for no keys", async (_, text) => {
    const { events, results, resolver } = start({ [uri]: text });
    resolver.want([wanted]);
    await settled();
    expect([events, results]).toEqual([[], [false]]);
    resolver.close();
  });

  it.each(["https://issuer.example.com", "https://issuer.example.com/"])(
    "finds the keys of issuer %s by its OpenID configuration",
    async (issuer) => {
      const { events, fetches, resolver } = start({
        "https://issuer.example.com/.well-known/openid-configuration": JSON.stringify({ jwks_uri: uri }),
        [uri]: keys("a"),
      });
      const discovered = { kind: "issuer", url: issuer } as const;
      resolver.want([{ source: discovered, timeoutMs: 5000 }]);
      await settled();
      expect(fetches).toEqual(["https://issuer.example.com/.well-known/openid-configuration", uri]);
      expect(events).toEqual([{ kind: "upsert", object: keySetObject(discovered, keys("a")) }]);
      resolver.close();
    },
  );

  it("forgets what is no longer wanted", async () => {
    const { clock, events, fetches, resolver } = start({ [uri]: keys("a") });
    resolver.want([wanted]);
    await settled();
    resolver.want([]);
    expect(events[1]).toMatchObject({ kind: "delete", ref: { kind: "JsonWebKeySet" } });
    clock.advance(3_600_000);
    await settled();
    expect(fetches).toHaveLength(1);
  });

  it("looks after no more sources than it is told, and fetches only some at once", async () => {
    const { fetches, resolver } = start({}, { maxSources: 20 });
    const many = Array.from({ length: 30 }, (_, i) => `https://issuer-${i}.example.com/`);
    resolver.want(many.map((url) => ({ source: { kind: "jwks", url }, timeoutMs: 1 })));
    expect(fetches).toHaveLength(8);
    for (let i = 0; i < 20; i++) await settled();
    expect(fetches).toEqual(many.slice(0, 20));
    resolver.close();
  });
});
