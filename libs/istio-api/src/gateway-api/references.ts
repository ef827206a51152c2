import { port } from "../schema/scalars.ts";
import { type Infer, integer, openMessage, required, string } from "../schema/schema.ts";

/*
 * The Gateway API (https://gateway-api.sigs.k8s.io/reference/spec/) as the mesh reads it. Other fields are allowed
 * and ignored: from a cluster these objects come validated, and implementations may carry fields of their own.
 */

/** The group of all kinds of the Gateway API. */
export const gatewayApiGroup = "gateway.networking.k8s.io";

/** A parent that a route attaches to: a Gateway unless `group` and `kind` say otherwise. */
export const parentReference = openMessage({
  group: string(),
  kind: string(),
  namespace: string(),
  name: required(string()),
  sectionName: string(),
  port: port(),
});

const objectReferenceFields = {
  group: string(),
  kind: string(),
  name: required(string()),
  namespace: string(),
};

/** Some object, by default of the referring object's namespace. */
export const objectReference = openMessage(objectReferenceFields);

/** A service that requests are sent to. */
export const backendReferenceFields = { ...objectReferenceFields, port: port() };

/** A backend with its share; a Service unless `group` and `kind` say otherwise, of weight 1 unless told. */
export const backendRefFields = { ...backendReferenceFields, weight: integer(0, 1_000_000) };

const backendReference = openMessage(backendReferenceFields);
const backendRef = openMessage(backendRefFields);

/** A parent that a route attaches to. */
export type ParentReference = Infer<typeof parentReference>;
/** Some object, by default of the referring object's namespace. */
export type ObjectReference = Infer<typeof objectReference>;
/** A service that requests are sent to. */
export type BackendReference = Infer<typeof backendReference>;
/** A backend with its share. */
export type BackendRef = Infer<typeof backendRef>;
