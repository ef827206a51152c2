import type { Clock } from "@weft/base";
import { type ApiObject, type KubeApi, type ReflectorTimes, runReflector } from "@weft/kubernetes";
import type { Logger } from "@weft/observability";

/** Settings of {@link keepCaBundle}. */
export interface CaBundleOptions {
  readonly api: KubeApi;
  /** Name of the MutatingWebhookConfiguration. */
  readonly name: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly times?: Partial<ReflectorTimes>;
}

/** Who keeps the caBundle. */
export interface CaBundleKeeper {
  /** The roots by which the API server is to know the webhook, PEM. */
  use(roots: string): void;
  close(): Promise<void>;
}

const collection = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const retryMs = 2_000;
/** Name in `managedFields`. */
const fieldManager = "sidecar-injector";

interface Webhook {
  readonly name: string;
  readonly clientConfig?: { readonly caBundle?: string };
}

interface WebhookConfiguration extends ApiObject {
  readonly webhooks?: readonly Webhook[];
}

/**
 * Keeps `clientConfig.caBundle` of each webhook of a configuration: as the roots change, and as somebody changes the
 * configuration. It is server-side applied, so that nothing else of it is touched; several injectors may do so at once.
 */
export function keepCaBundle({ api, name, logger, clock, times }: CaBundleOptions): CaBundleKeeper {
  const stop = new AbortController();
  let bundle: string | undefined;
  let webhooks: readonly Webhook[] = [];
  let running: Promise<void> | undefined;
  let again = false;
  let cancelRetry = () => {};

  const write = async (): Promise<void> => {
    const wanted = bundle;
    if (wanted === undefined || webhooks.every(({ clientConfig }) => clientConfig?.caBundle === wanted))
      return;
    const body = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name },
      webhooks: webhooks.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle: wanted } })),
    };
    try {
      await api.write({
        method: "APPLY",
        path: `${collection}/${name}`,
        query: { fieldManager, force: true },
        body,
        signal: stop.signal,
      });
      logger.info({ webhook: name }, "caBundle written");
    } catch (error) {
      if (stop.signal.aborted) return;
      logger.warn(
        `MutatingWebhookConfiguration ${name}: caBundle cannot be written: ${error instanceof Error ? error.message : error}`,
      );
      cancelRetry();
      cancelRetry = clock.after(retryMs, look);
    }
  };
  /** One write at a time; what changes meanwhile is looked at afterwards. */
  const look = () => {
    if (running !== undefined) {
      again = true;
      return;
    }
    again = false;
    running = write().finally(() => {
      running = undefined;
      if (again && !stop.signal.aborted) look();
    });
  };
  const ended = runReflector({
    api,
    findPath: async () => collection,
    query: { fieldSelector: `metadata.name=${name}` },
    signal: stop.signal,
    ...(times ? { times } : {}),
    sink: {
      upsert: (object) => {
        webhooks = (object as WebhookConfiguration).webhooks ?? [];
        look();
      },
      delete: () => {
        webhooks = [];
      },
      listed: () => {
        if (webhooks.length === 0) logger.warn(`there is no MutatingWebhookConfiguration ${name} yet`);
      },
      trouble: (error) => {
        if (error) logger.warn(`MutatingWebhookConfiguration ${name} cannot be read: ${error.message}`);
      },
    },
  });
  return {
    use: (roots) => {
      bundle = Buffer.from(roots).toString("base64");
      look();
    },
    close: async () => {
      stop.abort();
      cancelRetry();
      await Promise.all([ended, running]);
    },
  };
}
