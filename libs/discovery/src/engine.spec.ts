import { createFakeClock } from "@weft/base";
import { createStore, type MeshObject, type Store } from "@weft/mesh-model";
import { silentLogger } from "@weft/observability";
import { createResourceSet } from "@weft/xds";
import { createEngine, type EngineObserver } from "./engine.ts";

const namespace = (name: string): MeshObject => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, namespace: "", labels: {}, annotations: {} },
  body: {},
});

describe("createEngine()", () => {
  const create = (wrap: (store: Store) => Store = (store) => store) => {
    const clock = createFakeClock();
    const snapshots: string[] = [];
    const observer: EngineObserver = {
      onSourceEvent: () => {},
      onGathered: () => {},
      onSnapshot: ({ version }) => snapshots.push(version),
      onTranslated: () => {},
      onRejected: () => {},
      onPush: () => {},
      onPropagated: () => {},
    };
    const engine = createEngine({
      store: wrap(createStore()),
      translate: () => ({ value: createResourceSet([]), problems: [] }),
      observer,
      clock,
      logger: silentLogger,
    });
    return { clock, engine, snapshots };
  };

  it("makes no snapshot before it begins, nor where nothing has changed", () => {
    const { clock, engine, snapshots } = create();
    engine.apply({ kind: "upsert", object: namespace("a") });
    clock.advance(1000);
    expect(snapshots).toHaveLength(0);
    engine.begin();
    engine.apply({ kind: "upsert", object: namespace("a") });
    clock.advance(1000);
    expect(snapshots).toHaveLength(1);
    engine.apply({ kind: "upsert", object: namespace("b") });
    clock.advance(1000);
    expect(snapshots).toHaveLength(2);
  });

  it("keeps the last snapshot where none can be made, and tries again at the next change", () => {
    let broken = false;
    const { clock, engine, snapshots } = create((store) => ({
      ...store,
      snapshot: (of) => {
        if (broken) throw new Error("a bug");
        return store.snapshot(of);
      },
    }));
    engine.begin();
    const first = engine.snapshot();
    broken = true;
    engine.apply({ kind: "upsert", object: namespace("a") });
    clock.advance(1000);
    expect(engine.snapshot()).toBe(first);
    broken = false;
    engine.apply({ kind: "upsert", object: namespace("b") });
    clock.advance(1000);
    expect(engine.snapshot()?.namespaces.size).toBe(2);
    expect(snapshots).toHaveLength(2);
  });
});
