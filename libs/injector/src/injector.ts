import type { Clock } from "@weft/base";
import type { SecretsConfig } from "@weft/identity";
import type { KubeApi } from "@weft/kubernetes";
import {
  createHealth,
  createHttpEndpoint,
  createMetrics,
  type Logger,
  metricsContentType,
  readyRoute,
  secondsBuckets,
} from "@weft/observability";
import { keepCaBundle } from "./ca-bundle.ts";
import { keepCertificate, type ServingCertificate } from "./certificate.ts";
import type { SettingsBase } from "./settings.ts";
import { watchSettings } from "./watch-settings.ts";
import { startWebhookServer } from "./webhook-server.ts";

/** Settings of {@link createInjector}. */
export interface InjectorOptions extends SettingsBase {
  readonly api: KubeApi;
  /** Namespace of the control plane, with the ConfigMaps. */
  readonly namespace: string;
  /** The MutatingWebhookConfiguration whose caBundle is kept. */
  readonly webhookConfigName: string;
  readonly webhook: ListenAddress;
  readonly monitoring: ListenAddress;
  /** Names of the webhook's Service. */
  readonly dnsNames: readonly string[];
  /** citadel; without it the certificate is self-signed. */
  readonly ca: SecretsConfig | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Where to listen; an empty host is every address, port 0 a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A running injector. */
export interface Injector {
  readonly addresses: { readonly webhook: string; readonly monitoring: string };
  /** Answers what is in flight, and stops. Idempotent. */
  close(): Promise<void>;
}

/** Starts the injector. Throws where an address cannot be bound; nothing is left running then. */
export async function createInjector(options: InjectorOptions): Promise<Injector> {
  const { api, namespace, logger, clock, monitoring, webhook, dnsNames, ca } = options;
  const { revision, nativeSidecars } = options;
  const stops: (() => unknown)[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      for (const stop of stops.reverse()) await stop();
    })();
    return closed;
  };
  try {
    const health = createHealth();
    const settingsRead = health.condition("settings");
    const served = health.condition("webhook");
    const metrics = await createMetrics();
    stops.push(() => metrics.close());
    const reviews = metrics.counter("sidecar_injection_requests_total", "Reviews, by what came of them.");
    const times = metrics.histogram("injection_time_seconds", "Time of a review.", secondsBuckets);
    const operators = await createHttpEndpoint({
      ...monitoring,
      logger,
      routes: [
        readyRoute(health),
        {
          path: "/metrics",
          handle: async () => ({ contentType: metricsContentType, body: await metrics.text() }),
        },
      ],
    });
    stops.push(() => operators.close());
    const settings = watchSettings({ api, namespace, base: { revision, nativeSidecars }, logger });
    stops.push(() => settings.close());
    // Where the ConfigMaps may not be read the defaults count; the reason is logged.
    void settings.read.then(() => settingsRead(true));
    const certificate = await keepCertificate({ dnsNames, ca, logger, clock });
    stops.push(() => certificate.close());
    const server = await startWebhookServer({
      ...webhook,
      certificate: certificate.current,
      settings: settings.current,
      logger,
      onReview: (outcome, seconds) => {
        reviews.add(1, { outcome });
        times.record(seconds);
      },
    });
    stops.push(() => server.close());
    const bundle = keepCaBundle({ api, name: options.webhookConfigName, logger, clock });
    stops.push(() => bundle.close());
    const use = (next: ServingCertificate) => {
      server.useCertificate(next);
      bundle.use(next.roots);
    };
    bundle.use(certificate.current.roots);
    certificate.onChange(use);
    served(true);
    const at = (host: string, port: number) => `${host}:${port}`;
    return {
      addresses: {
        webhook: at(webhook.host, server.port),
        monitoring: at(monitoring.host, operators.port),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
