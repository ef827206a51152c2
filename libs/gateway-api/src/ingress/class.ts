import type { IngressSpec, MeshConfig } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";

/** What MeshConfig says of Ingresses. */
export type IngressSettings = Pick<
  MeshConfig,
  "ingressClass" | "ingressControllerMode" | "ingressSelector" | "rootNamespace" | "domainSuffix"
>;

/** What an IngressClass is called whose objects are Istio's. */
const controller = "istio.io/ingress-controller";

/** Spec of an IngressClass. */
export interface IngressClassSpec {
  readonly controller?: string;
}

/** Older than `ingressClassName`, and stronger. */
const classAnnotation = "kubernetes.io/ingress.class";

/** Whether an Ingress is Istio's: by its class, or, where Istio is the default, because it has none. */
export function isOwnIngress(
  { annotations, spec }: Config<IngressSpec>,
  classes: readonly Config<IngressClassSpec>[],
  { ingressClass, ingressControllerMode }: IngressSettings,
): boolean {
  if (ingressControllerMode === "OFF") return false;
  const annotated = annotations[classAnnotation];
  if (annotated !== undefined) return annotated === ingressClass;
  if (spec.ingressClassName === undefined) return ingressControllerMode === "DEFAULT";
  const named = classes.find(({ name }) => name === spec.ingressClassName);
  // Without an object the name has to do.
  return named ? named.spec.controller === controller : spec.ingressClassName === ingressClass;
}
