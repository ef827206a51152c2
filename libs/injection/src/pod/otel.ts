import type { InjectionMeshConfig, Json, Pod } from "./types.ts";

const proxyName = "istio-proxy";

/**
 * `OTEL_RESOURCE_ATTRIBUTES` of the proxy, where the mesh traces by OpenTelemetry's semantic conventions; else empty.
 *
 * https://opentelemetry.io/docs/specs/semconv/non-normative/k8s-attributes/
 */
export function otelResourceAttributes(mesh: InjectionMeshConfig, pod: Pod, namespace: string): string {
  const providers = (mesh.extensionProviders ?? []) as readonly {
    readonly opentelemetry?: { readonly serviceAttributeEnrichment?: string };
  }[];
  const asked = providers.some(
    ({ opentelemetry }) => opentelemetry?.serviceAttributeEnrichment === "OTEL_SEMANTIC_CONVENTIONS",
  );
  if (!asked) return "";
  const { labels = {}, annotations = {} } = pod.metadata ?? {};
  const containers = (pod.spec?.containers ?? []).filter(({ name }) => name !== proxyName);
  const [first, second] = containers;
  const said = (name: string) => annotations[`resource.opentelemetry.io/${name}`];
  const version =
    said("service.version") ??
    labels["app.kubernetes.io/version"] ??
    (first && second === undefined ? versionOfImage(String((first as Json).image ?? "")) : undefined);
  const instance = said("service.instance.id") ?? (first && `${namespace}.$(POD_NAME).${first.name}`);
  const attributes = {
    "service.namespace": said("service.namespace") ?? namespace,
    "service.version": version,
    "service.instance.id": instance,
  };
  return Object.entries(attributes)
    .flatMap(([name, value]) => (value ? [`${name}=${value}`] : []))
    .join(",");
}

/** Tag and digest of an image: `1.21@sha256:…` of `registry:5000/nginx:1.21@sha256:…`. */
function versionOfImage(image: string): string | undefined {
  const name = image.slice(image.lastIndexOf("/", image.includes("@") ? image.indexOf("@") : undefined) + 1);
  const match = /^[^:@]*(?::([^@]+))?(?:@(.+))?$/.exec(name);
  const [, tag, digest] = match ?? [];
  return [tag, digest].filter((part) => part !== undefined).join("@") || undefined;
}
