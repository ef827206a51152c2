import { createHash } from "node:crypto";
import type { BackendReference, Destination } from "@weft/istio-api";
import type { Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { serviceHostname } from "../names.ts";
import type { Referrer } from "./grants.ts";

/** Where a backendRef leads. */
export interface ResolvedBackend {
  /** Without a host where the reference is no good: the requests that fall to it get 500. */
  readonly destination: Destination;
  readonly failure?: Failure;
}

/** A reference that makes the whole route unusable. */
export interface RejectedBackend {
  readonly rejected: Failure;
}

const nowhere: Destination = { host: "" };

interface Backends {
  readonly context: Context;
  readonly from: Referrer;
  /** Routes of the mesh itself need no ReferenceGrant, as whoever sends the requests could reach the backend anyway. */
  readonly enforceGrants: boolean;
}

/** Resolves a backendRef of a route: https://gateway-api.sigs.k8s.io/reference/spec/#backendref */
export function resolveBackend(
  ref: BackendReference,
  { context, from, enforceGrants }: Backends,
): ResolvedBackend | RejectedBackend {
  const { group = "", kind = "Service", name, namespace = from.namespace } = ref;
  if (enforceGrants && !context.grants.allow(from, { group, kind, namespace, name })) {
    const message = `backendRef ${name}/${namespace} not accessible to a ${from.kind} in namespace "${from.namespace}" (missing a ReferenceGrant?)`;
    return { destination: nowhere, failure: { reason: "RefNotPermitted", message } };
  }
  switch (`${group}/${kind}`) {
    case "/Service":
    case "multicluster.x-k8s.io/ServiceImport":
      if (name.includes(".")) return invalid("the name of the Service must be used, not its host name");
      return resolved(ref, serviceHostname(name, namespace, context.input.domainSuffix), context);
    case "networking.istio.io/Hostname":
      if (ref.namespace !== undefined) return invalid("namespace may not be set with Hostname type");
      return resolved(ref, name, context);
    case "inference.networking.k8s.io/InferencePool":
      return resolvePool(ref, namespace, context);
    default: {
      const message = `referencing unsupported backendRef: group "${group}" kind "${kind}"`;
      return { destination: nowhere, failure: { reason: "InvalidKind", message } };
    }
  }
}

function invalid(message: string): RejectedBackend {
  return { rejected: { reason: "InvalidDestination", message } };
}

function resolved(
  ref: BackendReference,
  host: string,
  { input }: Context,
): ResolvedBackend | RejectedBackend {
  if (ref.port === undefined) return invalid(`port is required in backendRef to ${host}`);
  const destination = { host, port: { number: ref.port } };
  return input.service(host) ? { destination } : { destination, failure: notFound(host) };
}

function notFound(host: string): Failure {
  return { reason: "BackendNotFound", message: `backend(${host}) not found` };
}

/**
 * The Service that stands for an InferencePool, named by the pool and a hash of its name. The picker of endpoints is
 * not asked: requests are balanced as any others.
 */
function resolvePool(ref: BackendReference, namespace: string, { input }: Context): ResolvedBackend {
  const hash = createHash("sha256").update(ref.name).digest("hex").slice(0, 8);
  const host = serviceHostname(`${ref.name}-ip-${hash}`, namespace, input.domainSuffix);
  const port = input.service(host)?.ports[0]?.number;
  if (port === undefined) return { destination: nowhere, failure: notFound(host) };
  return { destination: { host, port: { number: port } } };
}
