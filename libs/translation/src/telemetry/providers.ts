import type { MeshConfig } from "@weft/istio-api";
import type { ProxyView } from "@weft/mesh-model";
import type { TelemetryBackend } from "../ir/index.ts";
import { backendName } from "../names.ts";
import { type Fields, isFields, numberOf, textOf, UnusableSetting } from "./fields.ts";

/** A provider that takes what is told: its kind, as MeshConfig names it, and its settings. */
export interface Provider {
  readonly name: string;
  readonly kind: string;
  readonly settings: Fields;
}

/** Istio's own: the proxy's standard output, and the metrics that it shows. */
const builtin: readonly Provider[] = [
  { name: "envoy", kind: "envoyFileAccessLog", settings: {} },
  { name: "prometheus", kind: "prometheus", settings: {} },
];

/**
 * A provider by its name; one of MeshConfig before Istio's own of the same name.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider
 */
export function findProvider({ extensionProviders }: MeshConfig, name: string): Provider | undefined {
  const found = extensionProviders.find((provider) => provider.name === name);
  if (found === undefined) return builtin.find((provider) => provider.name === name);
  const [entry] = Object.entries(found).filter(([key]) => key !== "name");
  const [kind = "", settings] = entry ?? [];
  return { name, kind, settings: isFields(settings) ? settings : {} };
}

/** The backend of a provider: `service`, by host or `namespace/host`, and `port`. @throws UnusableSetting where there is none */
export function providerBackend({ scope }: ProxyView, settings: Fields): TelemetryBackend {
  const text = textOf(settings, "service");
  const host = text.slice(text.indexOf("/") + 1);
  const port = numberOf(settings, "port") ?? 0;
  const service = scope.servicesByHostname.get(host);
  if (service === undefined) throw new UnusableSetting(`the proxy does not see a service ${text}`);
  if (!service.ports.some((one) => one.port === port))
    throw new UnusableSetting(
      `${text} has no port ${port}; it has ${service.ports.map((one) => one.port).join(", ")}`,
    );
  return { backend: backendName(port, "", host), authority: host };
}
