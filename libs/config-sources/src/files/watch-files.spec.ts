import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "@weft/base";
import type { MeshObject } from "@weft/mesh-model";
import type { ConfigSource } from "../source.ts";
import {
  aVirtualService,
  createRecorder,
  describeSourceContract,
  hasProblems,
  type Recorder,
  timeoutOf,
} from "../testing/source-contract.ts";
import { loadFiles } from "./load-files.ts";
import { watchFiles } from "./watch-files.ts";

const newFolder = () => mkdtemp(join(tmpdir(), "weft-files-"));
const text = ({ position: _, body, ...head }: MeshObject) => JSON.stringify({ ...head, ...body });
const virtualService = (name: string, timeout: string) => text(aVirtualService(name, timeout));

describeSourceContract("watchFiles()", async () => {
  const folder = await newFolder();
  const file = (object: MeshObject) => join(folder, `${object.metadata.name}.yaml`);
  return {
    start: (sink) => watchFiles({ paths: [folder], sink }),
    put: (object) => writeFile(file(object), text(object)),
    remove: (object) => rm(file(object)),
    spoil: (object) => writeFile(file(object), `${text(object)}\n]`),
    close: () => rm(folder, { recursive: true, force: true }),
  };
});

const quietMs = 15;

/** A clock of which the test says when a wait of `quietMs` ends, until it lets it run. */
function createStepClock(): Clock & { step(): Promise<void>; waiting(): Promise<void>; run(): void } {
  const pending: (() => void)[] = [];
  let wake = Promise.withResolvers<void>();
  let running = false;
  const waiting = async () => {
    while (pending.length === 0) await wake.promise;
  };
  return {
    ...systemClock,
    after: (ms, fn) => {
      if (ms !== quietMs) return () => {};
      if (running) return systemClock.after(ms, fn);
      pending.push(fn);
      wake.resolve();
      wake = Promise.withResolvers();
      return () => {
        const at = pending.indexOf(fn);
        if (at >= 0) pending.splice(at, 1);
      };
    },
    waiting,
    run: () => {
      for (const fn of pending.splice(0)) fn();
      running = true;
    },
    step: async () => {
      await waiting();
      pending.shift()?.();
    },
  };
}

describe("watchFiles()", () => {
  let folder: string;
  let recorder: Recorder;
  let source: ConfigSource | undefined;
  const at = (...names: readonly string[]) => join(folder, ...names);
  const start = async (paths: readonly string[] = [folder]) => {
    recorder = createRecorder();
    source = watchFiles({ paths, sink: recorder.sink });
    await source.synced;
  };
  const sees = (name: string, timeout: string | undefined) =>
    recorder.until((events) => timeoutOf(events, name) === timeout);
  beforeEach(async () => {
    folder = await newFolder();
  });
  afterEach(async () => {
    await source?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("sees files that are replaced by renaming, as editors do", async () => {
    await writeFile(at("a.yaml"), virtualService("a", "1s"));
    await start();
    await writeFile(at(".a.yaml.swp"), virtualService("a", "2s"));
    await rename(at(".a.yaml.swp"), at("a.yaml"));
    await sees("a", "2s");
  });

  it("sees folders that come and go", async () => {
    await start();
    await mkdir(at("deep", "er"), { recursive: true });
    await writeFile(at("deep", "er", "a.yml"), virtualService("a", "1s"));
    await sees("a", "1s");
    await rename(at("deep"), at("other"));
    await writeFile(at("other", "er", "a.yml"), virtualService("a", "2s"));
    await sees("a", "2s");
    await rm(at("other"), { recursive: true });
    await sees("a", undefined);
  });

  it("sees the swapped links of a mounted ConfigMap", async () => {
    const publish = async (version: string, timeout: string) => {
      await mkdir(at(version));
      await writeFile(at(version, "a.yaml"), virtualService("a", timeout));
      await symlink(version, at("..data_tmp"));
      await rename(at("..data_tmp"), at("..data"));
    };
    await publish("..1", "1s");
    await symlink(join("..data", "a.yaml"), at("a.yaml"));
    await start();
    expect(timeoutOf(recorder.events, "a")).toBe("1s");
    await publish("..2", "2s");
    await rm(at("..1"), { recursive: true });
    await sees("a", "2s");
    await publish("..3", "3s");
    await sees("a", "3s");
  });

  it("does not take half a file for the whole", async () => {
    const clock = createStepClock();
    const whole = `${virtualService("a", "2s")}\n---\n${virtualService("b", "2s")}`;
    await writeFile(at("two.yaml"), `${virtualService("a", "1s")}\n---\n${virtualService("b", "1s")}`);
    recorder = createRecorder();
    source = watchFiles({ paths: [folder], sink: recorder.sink, quietMs, clock });
    await source.synced;
    await clock.step(); // The watcher is ready.
    await writeFile(at("two.yaml"), whole.slice(0, whole.indexOf("\n---")));
    await clock.step(); // A hint: it looks, sees another file, and asks to wait.
    await clock.waiting();
    await writeFile(at("two.yaml"), whole);
    clock.run();
    await sees("b", "2s");
    expect(recorder.events.map(({ kind }) => kind)).not.toContain("delete");
  });

  it("keeps the good objects of a file of which one is spoilt", async () => {
    await writeFile(at("two.yaml"), `${virtualService("a", "1s")}\n---\n${virtualService("b", "1s")}`);
    await start();
    await writeFile(at("two.yaml"), `${virtualService("a", "no")}\n---\n${virtualService("b", "2s")}`);
    await sees("b", "2s");
    expect(timeoutOf(recorder.events, "a")).toBe("1s");
    expect(recorder.events.at(-1)).toMatchObject({
      kind: "problems",
      origin: at("two.yaml"),
      problems: [{ path: "spec.http[0].timeout", position: { line: 1 } }],
    });
  });

  it("takes an object from the first of two files, and from the second once the first is gone", async () => {
    await writeFile(at("1.yaml"), virtualService("a", "1s"));
    await writeFile(at("2.yaml"), virtualService("a", "2s"));
    await start();
    expect(timeoutOf(recorder.events, "a")).toBe("1s");
    expect(recorder.events).toContainEqual({
      kind: "problems",
      origin: at("2.yaml"),
      problems: [
        expect.objectContaining({
          code: "duplicate-object",
          message: `VirtualService default/a stands already in ${at("1.yaml")}:1, which counts; this one is not used`,
        }),
      ],
    });
    await rm(at("1.yaml"));
    await recorder.until((events) => timeoutOf(events, "a") === "2s" && !hasProblems(events));
  });

  it("keeps what it knows of a file it may no longer read", async () => {
    await writeFile(at("b.yaml"), virtualService("b", "1s"));
    recorder = createRecorder();
    source = watchFiles({ paths: [folder], sink: recorder.sink, limits: { maxFiles: 1 } });
    await source.synced;
    await writeFile(at("a.yaml"), virtualService("a", "1s"));
    await recorder.until((events) => timeoutOf(events, "a") === "1s" && hasProblems(events));
    expect(timeoutOf(recorder.events, "b")).toBe("1s");
  });

  it("waits for a folder that is not there yet", async () => {
    const late = at("late");
    await start([late]);
    expect(recorder.events).toMatchObject([
      { kind: "problems", problems: [{ code: "no-such-file", message: "no such file or folder" }] },
      { kind: "synced" },
    ]);
    await mkdir(late);
    await writeFile(join(late, "a.yaml"), virtualService("a", "1s"));
    await recorder.until((events) => timeoutOf(events, "a") === "1s" && !hasProblems(events));
  });
});

describe("loadFiles()", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await newFolder();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("reads paths in order, the first of an object counts", async () => {
    await mkdir(join(folder, "b"));
    await writeFile(join(folder, "b", "x.yaml"), virtualService("a", "1s"));
    await writeFile(join(folder, "b", "notes.txt"), "not read");
    await writeFile(join(folder, "a.yaml"), virtualService("a", "2s"));
    const { objects, problems } = await loadFiles([join(folder, "b"), join(folder, "a.yaml")]);
    expect(objects).toMatchObject([{ body: { spec: { http: [{ timeout: "1s" }] } } }]);
    expect(problems).toMatchObject([
      { code: "duplicate-object", position: { file: join(folder, "a.yaml") } },
    ]);
  });

  it("tells of what it does not read", async () => {
    await writeFile(join(folder, "big.yaml"), `# ${"x".repeat(100)}\n${virtualService("a", "1s")}`);
    await writeFile(join(folder, "more.yaml"), virtualService("b", "1s"));
    const limits = { maxFileBytes: 90, maxFiles: 1 };
    const { objects, problems } = await loadFiles([folder, join(folder, "none")], { limits });
    expect(objects).toEqual([]);
    expect(problems.map(({ message }) => message).sort()).toEqual([
      expect.stringMatching(/^has \d+ bytes; allowed are up to 90$/),
      "is one of more than 1 files; it is not read",
      "no such file or folder",
    ]);
  });

  it("goes round a link to a folder above once", async () => {
    await mkdir(join(folder, "sub"));
    await symlink(folder, join(folder, "sub", "up"));
    await writeFile(join(folder, "sub", "a.yaml"), virtualService("a", "1s"));
    const { objects, problems } = await loadFiles([join(folder, "sub")]);
    expect(objects).toHaveLength(1);
    expect(problems).toEqual([]);
  });
});
