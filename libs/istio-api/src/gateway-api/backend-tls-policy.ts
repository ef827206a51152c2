import {
  type Infer,
  list,
  oneOfWords,
  openMessage,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";
import { objectReference, parentReference } from "./references.ts";

const targetRef = openMessage({
  group: string(),
  kind: required(string()),
  name: required(string()),
  sectionName: string(),
});

const ancestor = openMessage({
  ancestorRef: required(parentReference),
  controllerName: required(string()),
  conditions: list(
    openMessage({
      type: required(string()),
      status: required(oneOfWords("True", "False", "Unknown")),
      reason: required(string()),
      message: required(string()),
    }),
  ),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#backendtlspolicy */
export const backendTLSPolicyBody = openMessage({
  spec: required(
    openMessage({
      targetRefs: required(list(targetRef)),
      validation: required(
        openMessage({
          caCertificateRefs: list(objectReference),
          wellKnownCACertificates: string(),
          hostname: required(string()),
          subjectAltNames: list(
            openMessage({ type: required(oneOfWords("Hostname", "URI")), hostname: string(), uri: string() }),
          ),
        }),
      ),
    }),
  ),
  status: openMessage({ ancestors: list(ancestor) }),
});

type Body<S> = S extends Schema<infer T> ? T : never;

/** `spec` of a BackendTLSPolicy. */
export type BackendTLSPolicySpec = Body<typeof backendTLSPolicyBody>["spec"];
/** What a policy applies to: a Service or ServiceEntry of its namespace, or one port of it by name. */
export type PolicyTargetRef = Infer<typeof targetRef>;
/** What one controller says of a policy, for one of the objects it applies to. */
export type PolicyAncestorStatus = Infer<typeof ancestor>;
