import type { ObjectRef } from "@weft/base";
import type { Config } from "@weft/mesh-model";

/** The reference that names a configuration object. */
export function configRef(
  config: Pick<Config<unknown>, "apiVersion" | "kind" | "name" | "namespace">,
): ObjectRef {
  return {
    apiVersion: config.apiVersion,
    kind: config.kind,
    name: config.name,
    namespace: config.namespace,
  };
}
