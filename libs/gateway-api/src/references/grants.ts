import type { ReferenceGrantSpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";

/** Who refers to something. */
export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** What is referred to. */
export interface Referent extends Referrer {
  readonly name: string;
}

/** What ReferenceGrants allow across namespaces; within one, everything is allowed. */
export interface Grants {
  allow(from: Referrer, to: Referent): boolean;
}

const anyName = "";

/** Reads ReferenceGrants: https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
export function readGrants(grants: readonly Config<ReferenceGrantSpec>[]): Grants {
  const granted = new Set<string>();
  const key = (from: Referrer, to: Referent) =>
    [from.group, from.kind, from.namespace, to.group, to.kind, to.namespace, to.name].join("|");
  for (const { namespace, spec } of grants)
    for (const from of spec.from)
      for (const { group, kind, name = anyName } of spec.to)
        granted.add(key(from, { group, kind, namespace, name }));
  return {
    allow: (from, to) =>
      from.namespace === to.namespace ||
      granted.has(key(from, to)) ||
      granted.has(key(from, { ...to, name: anyName })),
  };
}
