import { port } from "../schema/scalars.ts";
import {
  type Infer,
  list,
  map,
  oneOfWords,
  openMessage,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";
import { objectReference, parentReference } from "./references.ts";

const labelSelector = openMessage({
  matchLabels: map(string()),
  matchExpressions: list(
    openMessage({ key: required(string()), operator: required(string()), values: list(string()) }),
  ),
});

const allowedRoutes = openMessage({
  namespaces: openMessage({ from: oneOfWords("All", "Selector", "Same", "None"), selector: labelSelector }),
  kinds: list(openMessage({ group: string(), kind: required(string()) })),
});

const listenerFields = {
  name: required(string()),
  hostname: string(),
  protocol: required(string()),
  tls: openMessage({
    mode: oneOfWords("Terminate", "Passthrough"),
    certificateRefs: list(objectReference),
    options: map(string()),
  }),
  allowedRoutes,
};

const listener = openMessage({ ...listenerFields, port: required(port()) });

const tlsValidation = openMessage({
  validation: openMessage({
    caCertificateRefs: list(objectReference),
    mode: oneOfWords("AllowValidOnly", "AllowInsecureFallback"),
  }),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#gatewayclass */
export const gatewayClassBody = openMessage({
  spec: required(openMessage({ controllerName: required(string()) })),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#gateway */
export const gatewayBody = openMessage({
  spec: required(
    openMessage({
      gatewayClassName: required(string()),
      listeners: list(listener),
      addresses: list(openMessage({ type: string(), value: string() })),
      allowedListeners: openMessage({
        namespaces: openMessage({
          from: oneOfWords("All", "Selector", "Same", "None"),
          selector: labelSelector,
        }),
      }),
      tls: openMessage({
        frontend: openMessage({
          default: tlsValidation,
          perPort: list(openMessage({ port: required(port()), tls: required(tlsValidation) })),
        }),
        backend: openMessage({ clientCertificateRef: objectReference }),
      }),
    }),
  ),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#listenerset */
export const listenerSetBody = openMessage({
  spec: required(openMessage({ parentRef: required(parentReference), listeners: list(listener) })),
});

const grantedFields = { group: required(string()), kind: required(string()) };

/** https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant */
export const referenceGrantBody = openMessage({
  spec: required(
    openMessage({
      from: required(list(openMessage({ ...grantedFields, namespace: required(string()) }))),
      to: required(list(openMessage({ ...grantedFields, name: string() }))),
    }),
  ),
});

type SpecOf<Body> = Body extends Schema<infer T> ? (T extends { readonly spec: infer S } ? S : never) : never;

/** `spec` of a GatewayClass. */
export type GatewayClassSpec = SpecOf<typeof gatewayClassBody>;
/** `spec` of the Gateway API's Gateway; Istio's own is `Gateway`. */
export type KubernetesGatewaySpec = SpecOf<typeof gatewayBody>;
/** `spec` of a ListenerSet. */
export type ListenerSetSpec = SpecOf<typeof listenerSetBody>;
/** `spec` of a ReferenceGrant. */
export type ReferenceGrantSpec = SpecOf<typeof referenceGrantBody>;
/** One listener of a Gateway or ListenerSet. */
export type Listener = Infer<typeof listener>;
/** Which routes a listener takes. */
export type AllowedRoutes = Infer<typeof allowedRoutes>;
/** Labels, and expressions over labels, that an object must have. */
export type LabelSelector = Infer<typeof labelSelector>;
