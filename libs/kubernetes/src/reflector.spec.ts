import { type ApiRequest, type KubeApi, KubeApiError, type StreamOptions } from "./kube-api.ts";
import { type ApiObject, keyOf, runReflector } from "./reflector.ts";

const object = (name: string, resourceVersion: string): ApiObject => ({
  metadata: { name, namespace: "default", resourceVersion },
});
const page = (version: string, items: readonly ApiObject[], next?: string) => ({
  metadata: { resourceVersion: version, ...(next === undefined ? {} : { continue: next }) },
  items,
});
const event = (type: string, changed: ApiObject) => ({ type, object: changed });

/** What the server does at one request: answers a list, fails, or tells lines of a watch and then ends it or fails. */
type Step =
  | { readonly list: unknown }
  | { readonly fail: Error }
  | { readonly watch: readonly unknown[]; readonly fail?: Error };

/** Runs a reflector against a server that follows a script, until the script is at its end. */
async function follow(steps: readonly Step[]): Promise<{
  readonly told: readonly string[];
  readonly asked: readonly ApiRequest[];
}> {
  const told: string[] = [];
  const asked: ApiRequest[] = [];
  const stop = new AbortController();
  const left = [...steps];
  const next = (request: ApiRequest): Step => {
    asked.push(request);
    const step = left.shift();
    if (step !== undefined) return step;
    stop.abort();
    throw new Error("the script is at its end");
  };
  const api: KubeApi = {
    server: "https://test",
    get: async (request) => {
      const step = next(request);
      if ("list" in step) return step.list;
      throw "fail" in step && step.fail
        ? step.fail
        : new Error("the script has a watch where a list is asked for");
    },
    write: () => Promise.reject(new Error("a reflector only reads")),
    stream: async (request: ApiRequest, { onLine }: StreamOptions) => {
      const step = next(request);
      if ("list" in step) throw new Error("the script has a list where a watch is asked for");
      for (const line of "watch" in step ? step.watch : []) onLine(line);
      if (step.fail) throw step.fail;
    },
  };
  await runReflector({
    api,
    findPath: async () => "/api/v1/services",
    signal: stop.signal,
    times: { minBackoff: 1, maxBackoff: 2, absent: 1 },
    sink: {
      upsert: (changed) => told.push(`${keyOf(changed)}@${changed.metadata.resourceVersion}`),
      delete: (key) => told.push(`-${key}`),
      listed: () => told.push("listed"),
      trouble: (error) => {
        if (error && left.length > 0) told.push(`! ${error.message}`);
      },
    },
  });
  return { told, asked };
}

describe("runReflector()", () => {
  it("lists page by page, and watches from the list", async () => {
    const { told, asked } = await follow([
      { list: page("5", [object("a", "1")], "more") },
      { list: page("5", [object("b", "2")]) },
      { watch: [event("ADDED", object("c", "6")), event("DELETED", object("a", "7"))] },
    ]);
    expect(told).toEqual(["default/a@1", "default/b@2", "listed", "default/c@6", "-default/a"]);
    expect(asked[1]?.query).toMatchObject({ continue: "more" });
    expect(asked[2]?.query).toMatchObject({ watch: true, allowWatchBookmarks: true, resourceVersion: "5" });
  });

  it("goes on where a watch ended, bookmarks counting", async () => {
    const { asked, told } = await follow([
      { list: page("5", []) },
      { watch: [{ type: "BOOKMARK", object: { metadata: { resourceVersion: "90" } } }] },
      { watch: [event("ADDED", object("a", "91"))], fail: new Error("socket hang up") },
      { watch: [] },
    ]);
    expect(asked.slice(1, 4).map(({ query }) => query?.resourceVersion)).toEqual(["5", "90", "91"]);
    expect(told).toEqual(["listed", "default/a@91", "! socket hang up"]);
  });

  it.each([
    ["an ERROR event", { watch: [{ type: "ERROR", object: { code: 410, message: "too old" } }] }],
    ["an answer", { fail: new KubeApiError(410, "too old") }],
  ])("lists again where %s says 410, and tells only what differs", async (_, step: Step) => {
    const { told } = await follow([
      { list: page("5", [object("gone", "1"), object("same", "2"), object("changed", "3")]) },
      step,
      { list: page("9", [object("same", "2"), object("changed", "8"), object("new", "7")]) },
    ]);
    expect(told.slice(4)).toEqual(["-default/gone", "default/changed@8", "default/new@7", "listed"]);
  });

  it.each([
    ["no event", { watch: [{ kind: "Status" }] }],
    ["an event without a name", { watch: [{ type: "ADDED", object: { metadata: {} } }] }],
    ["no JSON", { watch: [], fail: new SyntaxError("Unexpected token") }],
  ])("trusts a watch no more that says %s", async (_, step: Step) => {
    const { told, asked } = await follow([
      { list: page("5", [object("a", "1")]) },
      step,
      { list: page("9", []) },
    ]);
    expect(asked[2]?.query).not.toHaveProperty("resourceVersion");
    expect(told.at(-2)).toBe("-default/a");
  });

  it("does not give up", async () => {
    const failures = Array.from({ length: 20 }, () => ({ fail: new Error("connect ECONNREFUSED") }));
    const { told } = await follow([...failures, { list: page("5", [object("a", "1")]) }]);
    expect(told.at(-2)).toBe("default/a@1");
  });
});
