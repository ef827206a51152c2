import type { Clock } from "@weft/base";
import { type KubeApi, KubeApiError, keyOf, type ReflectorTimes, runReflector } from "@weft/kubernetes";
import type { Logger } from "@weft/observability";

/** Settings of {@link publishRootBundle}. */
export interface RootBundleOptions {
  readonly api: KubeApi;
  /** The roots to trust now, in PEM. */
  readonly roots: () => string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly times?: Partial<ReflectorTimes>;
}

/** A running publisher. */
export interface RootBundlePublisher {
  /** The roots have changed: every namespace gets them. */
  update(): Promise<void>;
  close(): Promise<void>;
}

/** Name and key of the ConfigMap, as Istio's agents look for it. */
export const rootBundleName = "istio-ca-root-cert";
const rootBundleKey = "root-cert.pem";

/** Wait before a bundle that could not be written is tried again. */
const retryMs = 5_000;

/** Namespaces of the cluster itself, in which no workload of a mesh runs. */
const without: readonly string[] = ["kube-public", "kube-node-lease"];

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Keeps a ConfigMap with the mesh's roots in every namespace: in new ones as they come, and again where somebody has changed or
 * removed it. It is server-side applied by the manager `citadel`, so that what others add to it stays. Several citadels may do so at once:
 * they write the same.
 */
export function publishRootBundle(options: RootBundleOptions): RootBundlePublisher {
  const { api, roots, logger, clock, times } = options;
  const stop = new AbortController();
  /** Namespaces that there are; the bundle that each is known to have. */
  const namespaces = new Map<string, string | undefined>();
  const running = new Set<Promise<void>>();
  const retries = new Set<() => void>();

  const publish = async (namespace: string): Promise<void> => {
    const bundle = roots();
    if (stop.signal.aborted || namespaces.get(namespace) === bundle || !namespaces.has(namespace)) return;
    const metadata = { name: rootBundleName, namespace, labels: { "istio.io/config": "true" } };
    const path = `/api/v1/namespaces/${namespace}/configmaps/${rootBundleName}`;
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { [rootBundleKey]: bundle } };
    try {
      await api.write({ method: "APPLY", path, query: { fieldManager: "citadel", force: true }, body });
      if (namespaces.has(namespace)) namespaces.set(namespace, bundle);
    } catch (error) {
      // A namespace that is ending takes nothing; when it has ended the watch tells.
      const ending = error instanceof KubeApiError && (error.status === 403 || error.status === 404);
      const message = error instanceof Error ? error.message : String(error);
      logger[ending ? "debug" : "warn"]({ namespace }, `the root bundle could not be written: ${message}`);
      const cancel = clock.after(retryMs, () => {
        retries.delete(cancel);
        track(publish(namespace));
      });
      retries.add(cancel);
    }
  };
  const track = (work: Promise<void>) => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  const trouble = (what: string) => (error: Error | undefined) => {
    if (error) logger.warn(`${what} cannot be read: ${error.message}`);
  };
  const watch = (what: string, path: string, query: Readonly<Record<string, string>>, sink: WatchSink) =>
    runReflector({
      api,
      findPath: async () => path,
      query,
      signal: stop.signal,
      ...(times ? { times } : {}),
      sink: { ...sink, listed: () => {}, trouble: trouble(what) },
    });
  const watches = [
    watch(
      "namespaces",
      "/api/v1/namespaces",
      {},
      {
        upsert: (object) => {
          const name = keyOf(object);
          if (without.includes(name) || namespaces.has(name)) return;
          namespaces.set(name, undefined);
          track(publish(name));
        },
        delete: (name) => void namespaces.delete(name),
      },
    ),
    watch(
      "configmaps",
      "/api/v1/configmaps",
      { fieldSelector: `metadata.name=${rootBundleName}` },
      {
        upsert: (object) => {
          const { metadata, data } = object as ConfigMap;
          const namespace = metadata.namespace ?? "";
          if (!namespaces.has(namespace)) return;
          namespaces.set(namespace, data?.[rootBundleKey]);
          track(publish(namespace));
        },
        delete: (key) => {
          const namespace = key.slice(0, key.indexOf("/"));
          if (!namespaces.has(namespace)) return;
          namespaces.set(namespace, undefined);
          track(publish(namespace));
        },
      },
    ),
  ];
  return {
    update: async () => {
      for (const namespace of [...namespaces.keys()]) await publish(namespace);
    },
    close: async () => {
      stop.abort();
      for (const cancel of retries) cancel();
      await Promise.all([...watches, ...running]);
    },
  };
}

interface WatchSink {
  readonly upsert: (object: { readonly metadata: ConfigMap["metadata"] }) => void;
  readonly delete: (key: string) => void;
}
