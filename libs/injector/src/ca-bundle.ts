import type { Clock } from "@weft/base";
import { type ApiObject, type KubeApi, type ReflectorTimes, runReflector } from "@weft/kubernetes";
import type { Logger } from "@weft/observability";
import { type Certificate, formatCertificate, PkiError, parseCertificates } from "@weft/pki";

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
 * configuration. It is server-side applied, so that nothing else of it is touched. Several injectors may do so at once: each
 * adds its own roots to those of the others.
 */
export function keepCaBundle({ api, name, logger, clock, times }: CaBundleOptions): CaBundleKeeper {
  const stop = new AbortController();
  let bundle: string | undefined;
  let webhooks: readonly Webhook[] = [];
  let running: Promise<void> | undefined;
  let again = false;
  let cancelRetry = () => {};

  const write = async (): Promise<void> => {
    if (bundle === undefined) return;
    const roots = bundle;
    const before = webhooks.map(({ clientConfig }) => decode(clientConfig?.caBundle));
    const wanted = before.map((one) => joinBundles(roots, one, clock.now()));
    if (wanted.every((one, index) => one === before[index])) return;
    const body = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name },
      webhooks: webhooks.map(({ name }, index) => ({
        name,
        clientConfig: { caBundle: Buffer.from(wanted[index] ?? roots).toString("base64") },
      })),
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
      bundle = roots;
      look();
    },
    close: async () => {
      stop.abort();
      cancelRetry();
      await Promise.all([ended, running]);
    },
  };
}

function decode(bundle: string | undefined): string {
  return Buffer.from(bundle ?? "", "base64").toString();
}

/** Most roots that a bundle has: what restarts leave behind is dropped then, the oldest first. */
const maxRoots = 6;

/** A bundle with `own` roots: as it is where it has them, else they are put before those that are still valid. */
export function joinBundles(own: string, bundle: string, now: number): string {
  const mine = parseCertificates(own);
  const others = readRoots(bundle).filter(({ notAfter }) => notAfter > now);
  const has = (list: readonly Certificate[], one: Certificate) =>
    list.some(({ fingerprint }) => fingerprint === one.fingerprint);
  if (mine.every((one) => has(others, one)) && others.length <= maxRoots) {
    return others.map(formatCertificate).join("");
  }
  const rest = others.filter((one) => !has(mine, one));
  return [...mine, ...rest].slice(0, Math.max(mine.length, maxRoots)).map(formatCertificate).join("");
}

/** What somebody else has written may be anything: what is no bundle has no roots. */
function readRoots(bundle: string): readonly Certificate[] {
  try {
    return parseCertificates(bundle);
  } catch (error) {
    if (error instanceof PkiError) return [];
    throw error;
  }
}
