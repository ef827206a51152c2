import type { ObjectRef, Problem } from "@weft/base";
import type { MeshConfig } from "@weft/istio-api";
import {
  type Collection,
  type Collections,
  collectionOf,
  digestOf,
  emptyCollection,
  fingerprint,
  type Stored,
} from "./collections.ts";
import type { MeshObject } from "./object.ts";

/** What a {@link Derivation} makes its objects of. */
export interface DerivationInput {
  /** Objects of one kind, by `group/Kind`, one of those that the derivation reads. */
  objects(collection: string): readonly MeshObject[];
  readonly meshConfig: MeshConfig;
}

/**
 * Makes Istio's configuration of objects of other APIs. Pure; the order of objects does not matter to it. The store
 * merges what comes out with what users wrote, who win where both name an object.
 */
export interface Derivation {
  /** The collections (`group/Kind`) that it looks at; it runs when one of them has changed. */
  readonly reads: readonly string[];
  derive(input: DerivationInput): Derived;
}

/** What a derivation made. */
export interface Derived {
  readonly objects: readonly MeshObject[];
  /** What is to be said of the objects it read. */
  readonly statuses: readonly ObjectStatus[];
  readonly problems: readonly Problem[];
}

/** The status of one object, as its controller would write it; times are the writer's. */
export interface ObjectStatus {
  readonly object: ObjectRef;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Adds what derivations make to the objects of a store; what has not changed stays the same object. */
export interface Derivations {
  extend(collections: Collections, meshConfig: MeshConfig): Collections;
  /** Those of the last {@link extend}. */
  problems(): readonly Problem[];
  statuses(): readonly ObjectStatus[];
}

interface Run {
  readonly inputs: readonly (Collection | MeshConfig | undefined)[];
  readonly collections: Collections;
  readonly derived: Derived;
}

interface Merge {
  readonly inputs: readonly (Collection | undefined)[];
  readonly collection: Collection;
}

/** Creates the derivations of a store. */
export function createDerivations(derivations: readonly Derivation[]): Derivations {
  const runs = new Map<Derivation, Run>();
  const merges = new Map<string, Merge>();

  const run = (derivation: Derivation, collections: Collections, meshConfig: MeshConfig): Run => {
    const inputs = [meshConfig, ...derivation.reads.map((name) => collections.get(name))];
    const before = runs.get(derivation);
    if (before && sameItems(before.inputs, inputs)) return before;
    const objects = (name: string) =>
      [...(collections.get(name) ?? emptyCollection).objects.values()].map(({ object }) => object);
    const derived = derivation.derive({ objects, meshConfig });
    const next = {
      inputs,
      collections: collect(derived.objects, before?.collections),
      derived,
    };
    runs.set(derivation, next);
    return next;
  };

  return {
    extend: (collections, meshConfig) => {
      if (derivations.length === 0) return collections;
      const results = derivations.map((derivation) => run(derivation, collections, meshConfig));
      const extended = new Map(collections);
      for (const name of new Set(results.flatMap((result) => [...result.collections.keys()]))) {
        // The first that has an object has it: users before derivations.
        const inputs = [collections.get(name), ...results.map((result) => result.collections.get(name))];
        const before = merges.get(name);
        const merged =
          before && sameItems(before.inputs, inputs) ? before : { inputs, collection: merge(inputs) };
        merges.set(name, merged);
        extended.set(name, merged.collection);
      }
      return extended;
    },
    problems: () => derivations.flatMap((derivation) => runs.get(derivation)?.derived.problems ?? []),
    statuses: () => derivations.flatMap((derivation) => runs.get(derivation)?.derived.statuses ?? []),
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** Objects by collection; those that read as before are taken over, and so is a collection in which all do. */
function collect(objects: readonly MeshObject[], before: Collections | undefined): Collections {
  return new Map(
    [...Map.groupBy(objects, collectionOf)].map(([name, ofKind]) => {
      const old = before?.get(name);
      const entries = ofKind.map((object): readonly [string, Stored] => {
        const key = `${object.metadata.namespace}/${object.metadata.name}`;
        const version = fingerprint(object);
        const kept = old?.objects.get(key);
        return [key, kept?.version === version ? kept : { object, version }];
      });
      const same =
        old !== undefined &&
        old.objects.size === entries.length &&
        entries.every(([key, stored]) => old.objects.get(key) === stored);
      return [name, same ? old : collectionFrom(entries)] as const;
    }),
  );
}

function merge(inputs: readonly (Collection | undefined)[]): Collection {
  const objects = new Map<string, Stored>();
  for (const input of inputs)
    for (const [key, stored] of input?.objects ?? []) if (!objects.has(key)) objects.set(key, stored);
  return collectionFrom(objects);
}

function collectionFrom(entries: Iterable<readonly [string, Stored]>): Collection {
  const objects = new Map(entries);
  let digest = 0n;
  for (const { version } of objects.values()) digest ^= digestOf(version);
  return { objects, digest };
}
