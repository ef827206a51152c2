import type { Problem } from "@weft/base";
import {
  type ApiObject,
  type KubeApi,
  KubeApiError,
  keyOf,
  NotServed,
  type ReflectorTimes,
  runReflector,
} from "@weft/kubernetes";
import { objectKey, refOf } from "@weft/mesh-model";
import { checkObject } from "../mesh-object.ts";
import type { CheckObject, ConfigSource, EventSink } from "../source.ts";
import { strip } from "./strip.ts";
import { resourceName, servedPath, type WatchedKind, watchedKinds } from "./watched-kinds.ts";

/** Settings of {@link watchKubernetes}. */
export interface WatchKubernetesOptions {
  readonly api: KubeApi;
  readonly sink: EventSink;
  /** Which kinds; default: every kind the mesh reads. */
  readonly kinds?: readonly WatchedKind[];
  /** Checks beyond structure; default: none. */
  readonly check?: CheckObject;
  readonly times?: Partial<ReflectorTimes>;
  readonly random?: () => number;
}

/**
 * Reads a Kubernetes cluster: every kind is listed, then watched. An object that is not sound is told as a problem, and
 * its last good version stays. A kind that the server does not serve counts as empty, until it does; missing rights are
 * a problem that names the verb and the resource, and the other kinds go on. While the server is away, all that is known
 * stays as it is.
 */
export function watchKubernetes(options: WatchKubernetesOptions): ConfigSource {
  const { api, sink, kinds = watchedKinds } = options;
  const stop = new AbortController();
  const tell: EventSink = (event) => {
    if (!stop.signal.aborted) sink(event);
  };
  const runs: Promise<void>[] = [];
  const first = kinds.map(
    (kind) =>
      new Promise<void>((listed) => {
        runs.push(watchKind(kind, { ...options, tell, listed, signal: stop.signal }));
      }),
  );
  const closed = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
  const synced = Promise.race([Promise.all(first), closed]).then(() => tell({ kind: "synced" }));
  return {
    name: `Kubernetes ${api.server}`,
    synced,
    close: async () => {
      stop.abort();
      await Promise.all(runs);
    },
  };
}

interface WatchKind extends WatchKubernetesOptions {
  readonly tell: EventSink;
  /** Called when all that is there has been told, or it is known that it cannot be read. */
  readonly listed: () => void;
  readonly signal: AbortSignal;
}

function watchKind(kind: WatchedKind, options: WatchKind): Promise<void> {
  const { api, tell, listed, signal, check = () => [], times, random } = options;
  const resource = resourceName(kind);
  const origin = `${api.server}${resource}`;
  const typed = { apiVersion: apiVersionOf(kind, undefined), kind: kind.kind };
  const faulty = new Set<string>();
  let troubled = false;
  const nameOf = (key: string): { readonly name: string; readonly namespace?: string } => {
    const slash = key.indexOf("/");
    return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
  };
  const refOfKey = (key: string) => ({ ...typed, ...nameOf(key) });
  return runReflector({
    api,
    signal,
    ...(times ? { times } : {}),
    ...(random ? { random } : {}),
    query: { fieldSelector: kind.fieldSelector },
    findPath: async () => {
      const path = await servedPath(api, kind);
      if (path !== undefined) typed.apiVersion = apiVersionOf(kind, path);
      return path;
    },
    strip: (object) => strip(object, typed) as ApiObject, // An object with metadata keeps them.
    sink: {
      upsert: (value) => {
        const { object, sound, problems } = checkObject(value, check);
        const key = keyOf(value);
        const at = object === undefined ? `${origin}/${key}` : objectKey(refOf(object));
        if (object && sound) tell({ kind: "upsert", object });
        if (problems.length > 0 || faulty.has(at)) tell({ kind: "problems", origin: at, problems });
        if (problems.length > 0) faulty.add(at);
        else faulty.delete(at);
      },
      delete: (key) => {
        const ref = refOfKey(key);
        tell({ kind: "delete", ref });
        const at = objectKey(ref);
        if (faulty.delete(at)) tell({ kind: "problems", origin: at, problems: [] });
      },
      listed,
      trouble: (error) => {
        const problem = error && problemOf(error, resource);
        if (problem || troubled) tell({ kind: "problems", origin, problems: problem ? [problem] : [] });
        troubled = problem !== undefined;
        // What may not be read is no reason to wait for it; a server that is away is.
        if (error instanceof KubeApiError && error.status < 500) listed();
      },
    },
  });
}

/** `networking.istio.io/v1` of `/apis/networking.istio.io/v1/gateways`; without a path, of the preferred version. */
function apiVersionOf(kind: WatchedKind, path: string | undefined): string {
  const version = path?.split("/").at(-2) ?? kind.versions[0] ?? "v1";
  return kind.group === "" ? version : `${kind.group}/${version}`;
}

/** A kind that is not served is none, as long as nobody has made objects of it. */
function problemOf(error: Error, resource: string): Problem | undefined {
  if (error instanceof NotServed) return undefined;
  const because =
    error instanceof KubeApiError && (error.status === 401 || error.status === 403)
      ? `list and watch ${resource} is not allowed (${error.message}); grant these verbs to the service account`
      : `${resource} cannot be read: ${error.message}`;
  return { severity: "error", code: "kubernetes-unavailable", path: "", message: because };
}
