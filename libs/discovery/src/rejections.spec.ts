import { typeUrls } from "@weft/envoy-api";
import { createResourceSet, encodeResource } from "@weft/xds";
import type { ConnectedProxy } from "./proxies.ts";
import { rejectionsOf } from "./rejections.ts";

const object = { apiVersion: "v1", kind: "Service", namespace: "default", name: "a" };

/** A proxy with one cluster, another withheld, and what it said of the last response. */
function proxy(name: string, nack?: string, rejected: readonly string[] = []): ConnectedProxy {
  const sent = { ...encodeResource("good", typeUrls.cluster, new Uint8Array()), origin: [object] };
  const set = {
    ...createResourceSet([sent]),
    withheld: [{ typeUrl: typeUrls.cluster, name: "bad", reason: "is bad", origin: [object] }],
  };
  const nacked = nack === undefined ? undefined : { message: nack };
  const told = new Map(rejected.map((resource) => [resource, { version: "1", rejection: nacked }]));
  const connection = { status: () => [{ typeUrl: typeUrls.cluster, nacked, rejected: told }] };
  return { node: { name }, set, connection } as unknown as ConnectedProxy; // the rest is not looked at
}

describe("rejectionsOf()", () => {
  it("gathers what is withheld and what was rejected, by object, with the proxies it is about", () => {
    expect(rejectionsOf([proxy("one"), proxy("two", "cluster good: no")])).toEqual([
      {
        kind: "withheld",
        typeUrl: typeUrls.cluster,
        resource: "bad",
        reason: "is bad",
        object,
        proxies: ["one", "two"],
        proxyCount: 2,
      },
      {
        kind: "nacked",
        typeUrl: typeUrls.cluster,
        resource: "good",
        reason: "cluster good: no",
        object,
        proxies: ["two"],
        proxyCount: 1,
      },
    ]);
  });

  it("blames what was found to be rejected, whatever the message says", () => {
    const [, ...nacked] = rejectionsOf([proxy("one", "no idea", ["good", "gone"])]);
    expect(nacked).toMatchObject([
      { kind: "nacked", resource: "good", reason: "no idea", object },
      { kind: "nacked", resource: "gone", reason: "no idea" },
    ]);
    expect(nacked[1]?.object).toBeUndefined();
  });

  it("keeps a rejection of which nobody knows what it is about, and lists ten proxies at most", () => {
    const all = Array.from({ length: 12 }, (_, i) => proxy(`p${i}`, "no idea"));
    const [, nacked] = rejectionsOf(all);
    expect(nacked).toMatchObject({ kind: "nacked", resource: "", proxyCount: 12 });
    expect(nacked?.object).toBeUndefined();
    expect(nacked?.proxies).toHaveLength(10);
  });
});
