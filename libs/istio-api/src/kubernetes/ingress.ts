import { type Infer, integer, list, oneOfWords, openMessage, required, string } from "../schema/schema.ts";

const serviceBackend = openMessage({
  service: openMessage({
    name: required(string()),
    port: openMessage({ name: string(), number: integer(1, 65535) }),
  }),
});

const ingressPath = openMessage({
  path: string(),
  pathType: oneOfWords("Exact", "Prefix", "ImplementationSpecific"),
  backend: required(serviceBackend),
});

const ingressRule = openMessage({ host: string(), http: openMessage({ paths: list(ingressPath) }) });

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/ */
export const ingressBody = openMessage({
  spec: openMessage({
    ingressClassName: string(),
    defaultBackend: serviceBackend,
    rules: list(ingressRule),
    tls: list(openMessage({ hosts: list(string()), secretName: string() })),
  }),
});

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-class-v1/ */
export const ingressClassBody = openMessage({ spec: openMessage({ controller: string() }) });

/** `spec` of an Ingress. */
export type IngressSpec = NonNullable<Infer<typeof ingressBody>["spec"]>;
/** One path of an Ingress. */
export type IngressPath = Infer<typeof ingressPath>;
/** Where an Ingress sends requests. */
export type IngressBackend = Infer<typeof serviceBackend>;
