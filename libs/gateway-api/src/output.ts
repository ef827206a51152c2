import type { ObjectRef, SourcePosition } from "@weft/base";
import type { Config, MeshObject } from "@weft/mesh-model";

/** Whence a generated object comes. */
export interface Origin {
  readonly namespace: string;
  readonly createdAt: number;
  readonly position?: SourcePosition;
}

/** An object of Istio's networking API, made from another; it is as old as that one, and stands where it stands. */
export function generatedObject(
  kind: "Gateway" | "VirtualService" | "DestinationRule",
  name: string,
  origin: Origin,
  content: { readonly annotations: Readonly<Record<string, string>>; readonly spec: unknown },
): MeshObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: {
      name,
      namespace: origin.namespace,
      labels: {},
      annotations: content.annotations,
      ...(origin.createdAt > 0 ? { creationTimestamp: timestamp(origin.createdAt) } : {}),
    },
    body: { spec: content.spec },
    ...(origin.position ? { position: origin.position } : {}),
  };
}

/** RFC 3339 in whole seconds, as Kubernetes writes it. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** The reference that names a configuration object. */
export function refOf({ apiVersion, kind, name, namespace }: Config<unknown>): ObjectRef {
  return namespace === "" ? { apiVersion, kind, name } : { apiVersion, kind, name, namespace };
}
