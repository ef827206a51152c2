import type { MeshObject, SourceEvent } from "@weft/mesh-model";
import { objectKey, refOf } from "@weft/mesh-model";
import type { ConfigSource, EventSink } from "../source.ts";

/** A place that a source reads, for its contract. */
export interface SourceHarness {
  /** Starts the source under test. */
  start(sink: EventSink): ConfigSource;
  /** Puts an object there, or another version of it. */
  put(object: MeshObject): Promise<void>;
  remove(object: MeshObject): Promise<void>;
  /** Puts something in the place of an object that is not sound. Absent where the place refuses that itself. */
  spoil?(object: MeshObject): Promise<void>;
  close(): Promise<void>;
}

/** Keeps what a source tells, and waits for it. */
export interface Recorder {
  readonly sink: EventSink;
  readonly events: readonly SourceEvent[];
  /** Resolves once `done` holds of all events so far. The test's own time limit ends a wait in vain. */
  until(done: (events: readonly SourceEvent[]) => boolean): Promise<void>;
}

/** Creates an empty {@link Recorder}. */
export function createRecorder(): Recorder {
  const events: SourceEvent[] = [];
  const waiting = new Set<() => void>();
  return {
    events,
    sink: (event) => {
      events.push(event);
      for (const check of waiting) check();
    },
    until: (done) =>
      new Promise((resolve) => {
        const check = () => {
          if (!done(events)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

/** A VirtualService to put and change: `timeout` is what differs. */
export function aVirtualService(name: string, timeout: string): MeshObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "default", labels: {}, annotations: {} },
    body: { spec: { hosts: [name], http: [{ timeout, route: [{ destination: { host: name } }] }] } },
  };
}

/** The objects a sink knows after these events, by key. */
export function replay(events: readonly SourceEvent[]): ReadonlyMap<string, MeshObject> {
  const objects = new Map<string, MeshObject>();
  for (const event of events) {
    if (event.kind === "upsert") objects.set(objectKey(refOf(event.object)), event.object);
    if (event.kind === "delete") objects.delete(objectKey(event.ref));
  }
  return objects;
}

/** Timeout of the first route of what a sink knows under a name; undefined where it knows none. */
export function timeoutOf(events: readonly SourceEvent[], name: string): string | undefined {
  const object = [...replay(events).values()].find(({ metadata }) => metadata.name === name);
  const spec = object?.body.spec as { readonly http: readonly [{ readonly timeout: string }] } | undefined;
  return spec?.http[0].timeout;
}

/** Whether the last word on problems is that there are some. */
export function hasProblems(events: readonly SourceEvent[]): boolean {
  const last = new Map<string, number>();
  for (const event of events) if (event.kind === "problems") last.set(event.origin, event.problems.length);
  return [...last.values()].some((count) => count > 0);
}

/** What every {@link ConfigSource} keeps to. */
export function describeSourceContract(name: string, createHarness: () => Promise<SourceHarness>): void {
  describe(`${name} as a ConfigSource`, () => {
    let harness: SourceHarness;
    let recorder: Recorder;
    let source: ConfigSource | undefined;
    beforeEach(async () => {
      harness = await createHarness();
      recorder = createRecorder();
    });
    afterEach(async () => {
      await source?.close();
      await harness.close();
    });
    const start = async (): Promise<void> => {
      source = harness.start(recorder.sink);
      await source.synced;
    };

    it("tells what is there, then that it has", async () => {
      await harness.put(aVirtualService("a", "1s"));
      await harness.put(aVirtualService("b", "2s"));
      await start();
      expect(recorder.events.map(({ kind }) => kind)).toEqual(["upsert", "upsert", "synced"]);
      expect([...replay(recorder.events).keys()].sort()).toEqual([
        "networking.istio.io/VirtualService/default/a",
        "networking.istio.io/VirtualService/default/b",
      ]);
    });

    it("tells what is new, changed and gone, and that it has synced no more", async () => {
      await harness.put(aVirtualService("a", "1s"));
      await start();
      await harness.put(aVirtualService("b", "1s"));
      await recorder.until((events) => timeoutOf(events, "b") === "1s");
      await harness.put(aVirtualService("a", "5s"));
      await recorder.until((events) => timeoutOf(events, "a") === "5s");
      await harness.remove(aVirtualService("a", "5s"));
      await recorder.until((events) => timeoutOf(events, "a") === undefined);
      expect(recorder.events.filter(({ kind }) => kind === "synced")).toHaveLength(1);
    });

    it("keeps the last good object while it is spoilt", async () => {
      if (harness.spoil === undefined) return;
      await harness.put(aVirtualService("a", "1s"));
      await start();
      await harness.spoil(aVirtualService("a", "1s"));
      await recorder.until(hasProblems);
      expect(timeoutOf(recorder.events, "a")).toBe("1s");
      await harness.put(aVirtualService("a", "3s"));
      await recorder.until((events) => !hasProblems(events) && timeoutOf(events, "a") === "3s");
    });

    it("tells nothing once closed, and closes twice", async () => {
      await start();
      await source?.close();
      await source?.close();
      await harness.put(aVirtualService("late", "1s"));
      expect(recorder.events).toEqual([{ kind: "synced" }]);
    });

    it("settles even if closed at once", async () => {
      source = harness.start(recorder.sink);
      await source.close();
      await source.synced;
    });
  });
}
