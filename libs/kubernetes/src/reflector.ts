import { type ApiRequest, type KubeApi, KubeApiError } from "./kube-api.ts";

/** What a reflector tells: objects as the server sent them, without apiVersion and kind where they come from a list. */
export interface ReflectorSink {
  /** An object is new or has another resourceVersion. */
  upsert(object: ApiObject): void;
  delete(key: string): void;
  /** All that was there has been told, for the first time or again. */
  listed(): void;
  /** Why there is nothing to tell for now; undefined: it is in order again. */
  trouble(error: Error | undefined): void;
}

/** What a reflector looks at of an object. */
export interface ApiObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string };
}

/** Settings of {@link runReflector}; times are in milliseconds. */
export interface ReflectorOptions {
  readonly api: KubeApi;
  /** The path of the collection, or undefined where the server does not serve it. Asked again whenever it has gone. */
  readonly findPath: () => Promise<string | undefined>;
  readonly query?: ApiRequest["query"];
  /** Makes of an object what the sink gets, as soon as it is read, so that what is dropped is not held. */
  readonly strip?: (object: ApiObject) => ApiObject;
  readonly sink: ReflectorSink;
  readonly signal: AbortSignal;
  readonly times?: Partial<ReflectorTimes>;
  /** Default: Math.random. */
  readonly random?: () => number;
}

/** How long a reflector waits; milliseconds. */
export interface ReflectorTimes {
  /** First wait after an error; each further one doubles it, up to `maxBackoff`. Half of each wait is random. */
  readonly minBackoff: number;
  readonly maxBackoff: number;
  /** The wait where the server says that it does not serve the collection, or that rights are missing. */
  readonly absent: number;
  /** The server ends a watch after once to twice this long, so that watches of many clients end at different times. */
  readonly watch: number;
  /** A watch of which nothing came for this long is begun anew; bookmarks come about every minute. */
  readonly quiet: number;
}

/** The times of {@link runReflector} by default. */
export const reflectorTimes: ReflectorTimes = {
  minBackoff: 100,
  maxBackoff: 10_000,
  absent: 5_000,
  watch: 300_000,
  quiet: 150_000,
};

const pageSize = 250;

/** The versions that a watch goes on from are no longer known: what is there has to be listed again. */
const gone = 410;

/**
 * Keeps a sink in step with one collection of an API server until `signal` aborts: lists it page by page, then watches
 * from the list's resourceVersion. A watch that ends is begun again where it ended; one whose past the server has
 * forgotten (410), or that said what cannot be understood, is begun with a new list, which is compared with what the
 * sink knows, so that nothing is lost and nothing gone stays.
 *
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export async function runReflector(options: ReflectorOptions): Promise<void> {
  const { api, signal, sink, query = {}, strip = (object) => object } = options;
  const times = { ...reflectorTimes, ...options.times };
  const random = options.random ?? Math.random;
  const known = new Map<string, string>();
  let failures = 0;
  let resumeFrom: { readonly path: string; readonly version: string } | undefined;

  /** One round: list if need be, then watch until the watch ends. */
  const round = async (): Promise<void> => {
    let from = resumeFrom;
    if (from === undefined) {
      const path = await options.findPath();
      if (path === undefined) {
        reconcile([]);
        throw new NotServed();
      }
      from = { path, version: await list(path) };
    }
    resumeFrom = from;
    sink.trouble(undefined);
    await watch(from.path, from.version);
  };

  const list = async (path: string): Promise<string> => {
    const objects: ApiObject[] = [];
    let next: string | undefined;
    do {
      const page = (await api.get({
        path,
        query: { ...query, limit: pageSize, continue: next },
      })) as ListPage;
      objects.push(...page.items.map(strip));
      next = page.metadata.continue || undefined;
      if (next === undefined) {
        reconcile(objects);
        return page.metadata.resourceVersion;
      }
    } while (!signal.aborted);
    throw new Error("ended");
  };

  const reconcile = (objects: readonly ApiObject[]): void => {
    const listed = new Set(objects.map(keyOf));
    for (const key of [...known.keys()]) if (!listed.has(key)) remove(key);
    for (const object of objects) upsert(object);
    sink.listed();
  };

  const upsert = (object: ApiObject): void => {
    const key = keyOf(object);
    if (known.get(key) === object.metadata.resourceVersion) return;
    known.set(key, object.metadata.resourceVersion);
    sink.upsert(object);
  };

  const remove = (key: string): void => {
    if (known.delete(key)) sink.delete(key);
  };

  const watch = async (path: string, version: string): Promise<void> => {
    const timeoutSeconds = Math.round((times.watch * (1 + random())) / 1000);
    await api.stream(
      {
        path,
        query: { ...query, watch: true, allowWatchBookmarks: true, resourceVersion: version, timeoutSeconds },
      },
      {
        signal,
        quietMs: times.quiet,
        onLine: (line) => {
          const event = readEvent(line);
          if (event.type === "DELETED") remove(keyOf(event.object));
          else if (event.type !== "BOOKMARK") upsert(strip(event.object));
          resumeFrom = { path, version: event.object.metadata.resourceVersion };
          failures = 0;
        },
      },
    );
  };

  while (!signal.aborted) {
    try {
      await round();
      failures = 0;
      // A server that ends each watch at once is not asked in a tight loop.
      await pause(times.minBackoff * random(), signal);
    } catch (cause) {
      if (signal.aborted) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      // A list that begins again costs more, but is right whatever has happened; a lost connection says nothing.
      if (error instanceof KubeApiError || error instanceof SyntaxError || error instanceof BadEvent) {
        resumeFrom = undefined;
      }
      if (error instanceof KubeApiError && error.status === gone && failures++ === 0) continue;
      sink.trouble(error);
      const slow = error instanceof NotServed || (error instanceof KubeApiError && error.status < 500);
      const longest = Math.min(times.maxBackoff, times.minBackoff * 2 ** failures++);
      await pause(slow ? times.absent : longest * (0.5 + random() / 2), signal);
    }
  }
}

/** The server does not serve the collection. */
export class NotServed extends Error {
  override readonly name = "NotServed";
}

/** A watch said what no watch says. */
class BadEvent extends Error {
  override readonly name = "BadEvent";
}

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly ApiObject[];
}

interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: ApiObject;
}

const eventTypes: readonly unknown[] = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"];

/** @throws KubeApiError for an ERROR event; BadEvent for anything that is none. */
function readEvent(line: unknown): WatchEvent {
  const { type, object } = (line ?? {}) as { readonly type?: unknown; readonly object?: unknown };
  if (type === "ERROR") {
    const { code, message } = (object ?? {}) as { readonly code?: number; readonly message?: string };
    throw new KubeApiError(code ?? 500, message ?? "the watch failed");
  }
  const { metadata } = (object ?? {}) as Partial<ApiObject>;
  const named = type === "BOOKMARK" || typeof metadata?.name === "string";
  if (!eventTypes.includes(type) || !named || typeof metadata?.resourceVersion !== "string") {
    throw new BadEvent(`a watch said ${JSON.stringify(line).slice(0, 200)}, which is no event`);
  }
  return line as WatchEvent;
}

/** `namespace/name`, or the name alone of what is in no namespace. */
export function keyOf({ metadata }: ApiObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
