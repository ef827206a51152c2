import type { ResourceSet } from "@weft/envoy-api";
import fc from "fast-check";
import type { XdsMode } from "./subscription.ts";
import { type Exchange, openExchange, type Short, setOf, short } from "./testing/exchange.ts";

const types = ["CDS", "EDS", "LDS", "RDS"] as const;
const wildcardTypes: readonly Short[] = ["CDS", "LDS"];
const names = ["a", "b", "c"];

/** One thing that happens. */
type Step =
  | { readonly kind: "push"; readonly resources: readonly string[] }
  | { readonly kind: "subscribe"; readonly type: Short; readonly names: readonly string[] }
  | { readonly kind: "receive"; readonly accept: boolean }
  | { readonly kind: "hold" | "flush" | "overdue" | "reconnect" };

const text = fc
  .tuple(fc.constantFrom(...types), fc.constantFrom(...names), fc.integer({ min: 0, max: 2 }))
  .map(([type, name, content]) => `${type} ${name}=${content}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("push" as const), resources: fc.array(text, { maxLength: 8 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("subscribe" as const),
      type: fc.constantFrom(...types),
      names: fc.subarray(names),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("receive" as const), accept: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("hold" as const, "flush" as const, "overdue" as const) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reconnect" as const) }) },
);

/** A client as the protocol describes it, written without this lib's own. */
class Client {
  readonly mode: XdsMode;
  readonly wanted = new Map<Short, ReadonlySet<string>>();
  /** What it has, by type and name: the version, which is a hash of the content. */
  readonly held = new Map<Short, Map<string, string>>(types.map((type) => [type, new Map()]));
  private readonly accepted = new Map<Short, string>();
  private nonces = new Map<Short, string>();
  private asked = new Set<Short>();
  private set: ResourceSet = setOf();
  exchange: Exchange;

  constructor(mode: XdsMode) {
    this.mode = mode;
    this.exchange = openExchange(mode);
  }

  run(step: Step): void {
    if (step.kind === "push") this.push(setOf(...step.resources));
    else if (step.kind === "subscribe") this.subscribe(step.type, new Set(step.names));
    else if (step.kind === "receive") this.receive(step.accept);
    else if (step.kind === "overdue") this.exchange.clock.advance(5_000);
    else if (step.kind === "reconnect") this.reconnect();
    else this.exchange[step.kind]();
  }

  private push(set: ResourceSet): void {
    this.set = set;
    this.exchange.stream.update(set);
  }

  private subscribe(type: Short, wanted: ReadonlySet<string>): void {
    const before = this.wanted.get(type) ?? new Set<string>();
    this.wanted.set(type, wanted);
    const held = this.heldOf(type);
    if (!wildcardTypes.includes(type))
      for (const name of [...held.keys()]) if (!wanted.has(name)) held.delete(name);
    if (!this.asked.has(type)) this.ask(type);
    else if (wildcardTypes.includes(type)) return;
    else if (this.mode === "sotw") this.answer(type);
    else {
      const added = [...wanted].filter((name) => !before.has(name));
      const dropped = [...before].filter((name) => !wanted.has(name));
      this.exchange.request(type, { names: added, unsubscribe: dropped });
    }
  }

  private ask(type: Short): void {
    const wanted = this.wanted.get(type);
    const all = wildcardTypes.includes(type);
    if (wanted === undefined || (!all && wanted.size === 0)) return;
    this.asked.add(type);
    const version = this.accepted.get(type) ?? "";
    const initial = Object.fromEntries(this.heldOf(type));
    this.exchange.request(type, { names: all ? [] : [...wanted], version, initial });
  }

  private answer(type: Short, error?: string): void {
    const sotwNames =
      this.mode === "sotw" && !wildcardTypes.includes(type) ? [...(this.wanted.get(type) ?? [])] : [];
    const nonce = this.nonces.get(type) ?? "";
    this.exchange.request(type, { names: sotwNames, nonce, ...(error === undefined ? {} : { error }) });
  }

  private receive(willing: boolean): void {
    const response = this.exchange.written.shift();
    if (response === undefined) return;
    // It is for a resource that a client rejects.
    const accept = willing || response.resources.length === 0;
    const type = types.find((each) => short[each] === response.typeUrl) as Short;
    this.nonces.set(type, response.nonce);
    const held = this.heldOf(type);
    const all = wildcardTypes.includes(type);
    if (accept) {
      this.accepted.set(type, response.version);
      if (this.mode === "sotw" && all) held.clear();
      for (const { name, version } of response.resources) {
        if (all || this.wanted.get(type)?.has(name)) held.set(name, version);
      }
    }
    // As Envoy does it, what is removed goes even if something else in the response was bad.
    for (const name of response.removed) held.delete(name);
    this.answer(type, accept ? undefined : "no");
  }

  private reconnect(): void {
    this.exchange.stream.close();
    this.exchange = openExchange(this.mode);
    this.nonces = new Map();
    this.asked = new Set();
    this.exchange.stream.update(this.set);
    for (const type of this.wanted.keys()) this.ask(type);
  }

  /** Lets everything that is on its way arrive. */
  finish(set: ResourceSet): void {
    this.push(set);
    this.exchange.release();
    while (this.exchange.written.length > 0) this.receive(true);
  }

  heldOf(type: Short): Map<string, string> {
    return this.held.get(type) ?? new Map();
  }
}

describe("a stream, whatever happens in whatever order", () => {
  it.each(["sotw", "delta"] as const)(
    "ends with the client holding what it asked for of the last set: %s",
    (mode) => {
      const wanted = fc.record({ EDS: fc.subarray(names), RDS: fc.subarray(names) });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), fc.array(text), wanted, (steps, last, finally_) => {
          const client = new Client(mode);
          for (const each of steps) client.run(each);
          client.run({ kind: "subscribe", type: "CDS", names: [] });
          client.run({ kind: "subscribe", type: "LDS", names: [] });
          client.run({ kind: "subscribe", type: "EDS", names: finally_.EDS });
          client.run({ kind: "subscribe", type: "RDS", names: finally_.RDS });
          // What was rejected is not sent again until it changes: so the last set has new content.
          const set = setOf(...last.map((each) => `${each}-last`));
          client.finish(set);
          for (const type of types) {
            const expected = new Map<string, string>();
            for (const { name, version } of set.ofType(short[type]).values()) {
              if (wildcardTypes.includes(type) || client.wanted.get(type)?.has(name))
                expected.set(name, version);
            }
            const held = new Map(client.heldOf(type));
            // State of the world cannot say that endpoints or routes are gone.
            const tells = mode === "delta" || wildcardTypes.includes(type);
            if (!tells)
              for (const name of held.keys()) if (!set.ofType(short[type]).has(name)) held.delete(name);
            expect({ type, held: new Map([...held].sort()) }).toEqual({
              type,
              held: new Map([...expected].sort()),
            });
          }
        }),
        { numRuns: 500 },
      );
    },
  );
});
