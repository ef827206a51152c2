import type { ResourceSet } from "@weft/envoy-api";
import fc from "fast-check";
import type { XdsMode } from "./subscription.ts";
import { openExchange, setOf, short } from "./testing/exchange.ts";

const clusters = ["a", "b", "c", "d"];
const routeNames = ["r", "s"];

/** A set whose routes name clusters that are in it, as every set of a mesh does. */
const set: fc.Arbitrary<ResourceSet> = fc
  .tuple(
    fc.subarray(clusters, { minLength: 1 }),
    fc.array(fc.nat(), { minLength: routeNames.length, maxLength: routeNames.length }),
    fc.nat(2),
  )
  .map(([present, picks, content]) =>
    setOf(
      ...present.flatMap((name) => [`CDS ${name}=${content}`, `EDS ${name}`]),
      ...routeNames.map((name, i) => `RDS ${name}=${present[(picks[i] ?? 0) % present.length]}`),
    ),
  );
/** A push, or the client takes in the next response. */
const steps = fc.array(fc.option(set, { freq: 2 }), { maxLength: 40 });

/** Runs the steps, and returns what the client would have had to route to without having it. */
function dangling(mode: XdsMode, pushes: readonly (ResourceSet | null)[]): string[] {
  const exchange = openExchange(mode);
  const { stream, request, written } = exchange;
  const held = new Set<string>();
  const named = new Map<string, string>();
  const found: string[] = [];
  stream.update(setOf(...clusters.map((name) => `CDS ${name}`), "RDS r=a", "RDS s=a"));
  request("CDS");
  request("EDS", { names: clusters });
  request("RDS", { names: routeNames });
  const receive = () => {
    const response = written.shift();
    if (response === undefined) return;
    if (response.typeUrl === short.CDS) {
      if (mode === "sotw") held.clear();
      for (const { name } of response.resources) held.add(name);
      for (const name of response.removed) held.delete(name);
    }
    if (response.typeUrl === short.RDS) {
      for (const { name, value } of response.resources)
        named.set(name, Buffer.from(value).toString().slice(-1));
    }
    for (const [route, cluster] of named) if (!held.has(cluster)) found.push(`${route} names ${cluster}`);
    const names =
      response.typeUrl === short.EDS ? clusters : response.typeUrl === short.RDS ? routeNames : [];
    const type = response.typeUrl === short.EDS ? "EDS" : response.typeUrl === short.RDS ? "RDS" : "CDS";
    request(type, { nonce: response.nonce, names: mode === "sotw" ? names : [] });
  };
  for (const push of pushes) {
    if (push === null) receive();
    else stream.update(push);
  }
  while (written.length > 0) receive();
  return found;
}

describe("make before break", () => {
  it.each(["sotw", "delta"] as const)("never leaves a route without its cluster: %s", (mode) => {
    fc.assert(
      fc.property(steps, (pushes) => expect(dangling(mode, pushes)).toEqual([])),
      { numRuns: 500 },
    );
  });
});
