import { type ApiObject, type KubeApi, runReflector } from "@weft/kubernetes";
import type { Logger } from "@weft/observability";
import type { InjectorSettings } from "./review-pod.ts";
import { readSettings, type SettingsBase, type SettingsData } from "./settings.ts";

/** Settings of {@link watchSettings}. */
export interface WatchSettingsOptions {
  readonly api: KubeApi;
  /** Namespace of the ConfigMaps. */
  readonly namespace: string;
  readonly base: SettingsBase;
  readonly logger: Logger;
}

/** Settings that follow the cluster. */
export interface SettingsWatch {
  current(): InjectorSettings;
  /** Resolves when what there is has been read. */
  readonly read: Promise<void>;
  close(): Promise<void>;
}

interface ConfigMap extends ApiObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The ConfigMaps, and what they are for. */
const configMaps = { "istio-sidecar-injector": "injector", istio: "mesh" } as const;

/**
 * Follows the ConfigMaps `istio-sidecar-injector` and `istio`. One that cannot be read is reported, and what was understood last
 * stays in force.
 */
export function watchSettings({ api, namespace, base, logger }: WatchSettingsOptions): SettingsWatch {
  const stop = new AbortController();
  let data: SettingsData = {};
  let settings = readSettings(data, base);
  const set = (change: SettingsData) => {
    data = { ...data, ...change };
    try {
      settings = readSettings(data, base);
    } catch (error) {
      logger.error(`${error instanceof Error ? error.message : error}; the settings stay as they were`);
    }
  };
  const reflectors = Object.entries(configMaps).map(([name, key]) => {
    const listed = Promise.withResolvers<void>();
    const ended = runReflector({
      api,
      findPath: async () => `/api/v1/namespaces/${namespace}/configmaps`,
      query: { fieldSelector: `metadata.name=${name}` },
      signal: stop.signal,
      sink: {
        upsert: (object) => {
          set({ [key]: (object as ConfigMap).data ?? {} });
          logger.info({ configMap: `${namespace}/${name}` }, "settings read");
        },
        delete: () => set({ [key]: undefined }),
        listed: listed.resolve,
        trouble: (error) => {
          if (error) logger.warn(`ConfigMap ${namespace}/${name} cannot be read: ${error.message}`);
        },
      },
    });
    return { listed: listed.promise, ended };
  });
  return {
    current: () => settings,
    read: Promise.all(reflectors.map(({ listed }) => listed)).then(() => {}),
    close: async () => {
      stop.abort();
      await Promise.all(reflectors.map(({ ended }) => ended));
    },
  };
}
