import type { JsonObject } from "@bufbuild/protobuf";
import type { ObjectRef } from "@weft/base";
import type { Backend } from "../ir/index.ts";

/** Where Istio's telemetry and tools look for a resource's source: `/apis/GROUP/VERSION/namespaces/NS/KIND/NAME`. */
export function configPath(ref: ObjectRef): string {
  const kind = ref.kind.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  // Istio names its kinds at the version it stores, whatever the user wrote.
  const group = ref.apiVersion.split("/")[0] ?? "";
  return `/apis/${group}/v1/namespaces/${ref.namespace ?? ""}/${kind}/${ref.name}`;
}

/** `metadata.filter_metadata.istio` of a cluster; undefined where there is nothing to say. */
export function backendMetadata(backend: Backend): JsonObject | undefined {
  if (backend.services.length === 0) return undefined;
  const config = backend.config;
  return {
    ...(config ? { config: configPath(config) } : {}),
    ...(backend.external ? { external: true } : {}),
    services: backend.services.map(({ host, name, namespace }) => ({ host, name, namespace })),
    ...(backend.subset === undefined ? {} : { subset: backend.subset }),
  };
}
