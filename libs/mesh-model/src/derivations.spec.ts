import { defaultMeshConfig } from "@weft/istio-api";
import type { Collections } from "./collections.ts";
import { createDerivations, type Derivation } from "./derivations.ts";
import type { MeshObject } from "./object.ts";
import { createStore } from "./store.ts";
import { anObject, aService } from "./testing/objects.ts";

const route = (name: string, host: string): MeshObject => ({
  ...anObject("Route", name, { host }),
  apiVersion: "example.com/v1",
});

/** A VirtualService of each Route; a Route without a host is a problem. */
function routes(): Derivation & { runs: number } {
  const derivation = {
    runs: 0,
    reads: ["example.com/Route"],
    derive: ({ objects }: Parameters<Derivation["derive"]>[0]) => {
      derivation.runs++;
      const all = objects("example.com/Route").map(({ metadata, body }) => ({
        name: metadata.name,
        host: (body.spec as { host: string }).host,
      }));
      return {
        objects: all
          .filter(({ host }) => host !== "")
          .map(({ name, host }) => anObject("VirtualService", name, { hosts: [host], http: [] })),
        statuses: all.map(({ name, host }) => ({
          object: { apiVersion: "example.com/v1", kind: "Route", name },
          status: { ok: host !== "" },
        })),
        problems: all
          .filter(({ host }) => host === "")
          .map(({ name }) => ({
            severity: "warning" as const,
            code: "no-host",
            path: "",
            message: `${name} has no host`,
          })),
      };
    },
  };
  return derivation;
}

const upsert = (object: MeshObject) => ({ kind: "upsert", object }) as const;

function hostsOf(store: ReturnType<typeof createStore>): readonly string[] {
  return store.snapshot().configs.virtualServices.flatMap(({ spec }) => spec.hosts ?? []);
}

describe("a store with derivations", () => {
  it("adds what they make to what users wrote, who win", () => {
    const store = createStore({ derivations: [routes()] });
    store.apply(upsert(route("a", "derived.example")));
    store.apply(upsert(route("b", "also.example")));
    store.apply(upsert(anObject("VirtualService", "a", { hosts: ["written.example"], http: [] })));
    expect(hostsOf(store)).toEqual(["written.example", "also.example"]);
    store.apply({
      kind: "delete",
      ref: { apiVersion: "example.com/v1", kind: "Route", name: "b", namespace: "default" },
    });
    expect(hostsOf(store)).toEqual(["written.example"]);
  });

  it("runs them only when something changed that they read, and takes over what came out the same", () => {
    const derivation = routes();
    const store = createStore({ derivations: [derivation] });
    store.apply(upsert(route("a", "a.example")));
    store.apply(upsert(route("b", "b.example")));
    const [first] = store.snapshot().configs.virtualServices;
    store.apply(upsert(aService("web")));
    const lists = store.snapshot().configs.virtualServices;
    expect(derivation.runs).toBe(1);
    store.apply(upsert(route("b", "c.example")));
    const after = store.snapshot().configs.virtualServices;
    expect(derivation.runs).toBe(2);
    expect(lists[0]).toBe(first);
    expect(after[0]).toBe(first);
    expect(after[1]).not.toBe(lists[1]);
  });

  it("tells problems and statuses of the last snapshot", () => {
    const store = createStore({ derivations: [routes()] });
    store.apply(upsert(route("a", "")));
    store.snapshot();
    expect(store.derivedProblems().map(({ message }) => message)).toEqual(["a has no host"]);
    expect(store.problems()).toEqual(store.derivedProblems());
    expect(store.statuses()).toEqual([expect.objectContaining({ status: { ok: false } })]);
    store.apply(upsert(route("a", "a.example")));
    store.snapshot();
    expect(store.derivedProblems()).toEqual([]);
  });

  it("gives the same version whatever the order of events", () => {
    const objects = [route("a", "a.example"), route("b", "b.example"), aService("web")];
    const versions = [objects, objects.toReversed()].map((order) => {
      const store = createStore({ derivations: [routes()] });
      for (const object of order) store.apply(upsert(object));
      return store.snapshot().version;
    });
    expect(new Set(versions).size).toBe(1);
  });
});

describe("createDerivations()", () => {
  it("hands the collections through where there is nothing to derive", () => {
    const collections: Collections = new Map();
    expect(createDerivations([]).extend(collections, defaultMeshConfig)).toBe(collections);
  });
});
