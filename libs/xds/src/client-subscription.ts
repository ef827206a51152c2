import { create } from "@bufbuild/protobuf";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { ReceivedResource, ReceivedResponse } from "./decode-response.ts";
import { resourceType } from "./resource-types.ts";
import type { XdsMode } from "./subscription.ts";

/** What a client wants of a type: all there is, or these. */
export type Wanted = "*" | ReadonlySet<string>;

/** A change of what the client has of one type. */
export interface XdsUpdate {
  readonly typeUrl: string;
  /** The server's version of the type. */
  readonly version: string;
  /** New resources, and those with another version than before. */
  readonly changed: ReadonlyMap<string, ReceivedResource>;
  /** Names that the client had and the server no longer has, or that the server does not know. */
  readonly removed: readonly string[];
}

/** What becomes of an update: it is ACKed, or NACKed with the reason. */
export type Verdict = { readonly kind: "accept" } | { readonly kind: "reject"; readonly reason: string };

/** Accepts an update. */
export const accept: Verdict = { kind: "accept" };

/** Rejects an update, for a reason that the server is told. */
export function reject(reason: string): Verdict {
  return { kind: "reject", reason };
}

/** What the client knows of one type. Immutable. */
export interface ClientState {
  readonly mode: XdsMode;
  readonly typeUrl: string;
  readonly wanted: Wanted;
  /** The versions accepted, by name. They outlive the stream. */
  readonly versions: ReadonlyMap<string, string>;
  /** The version last accepted, of the type as a whole. */
  readonly version: string;
  /** Of the last response on this stream; empty before the first. */
  readonly nonce: string;
}

/** What a response changes for the client: resources it has in this version are left out. */
export function updateOf(state: ClientState, response: ReceivedResponse): XdsUpdate {
  const { typeUrl, version, resources } = response;
  const changed = new Map<string, ReceivedResource>();
  for (const resource of resources) {
    if (wants(state, resource.name) && state.versions.get(resource.name) !== resource.version)
      changed.set(resource.name, resource);
  }
  return { typeUrl, version, changed, removed: removedBy(state, response) };
}

/** Of types that a state-of-the-world response holds in full, what is missing is gone; incremental responses say so. */
function removedBy(state: ClientState, response: ReceivedResponse): readonly string[] {
  if (state.mode === "delta") return response.removed;
  if (!resourceType(response.typeUrl).fullState) return [];
  const names = new Set(response.resources.map(({ name }) => name));
  return [...state.versions.keys()].filter((name) => !names.has(name));
}

/** The state once an update is accepted. */
export function onAccepted(state: ClientState, update: XdsUpdate): ClientState {
  const versions = new Map(state.versions);
  for (const [name, { version }] of update.changed) {
    if (wants(state, name)) versions.set(name, version);
  }
  for (const name of update.removed) versions.delete(name);
  return { ...state, versions, version: update.version };
}

/** The state once other names are wanted: what is no longer wanted is forgotten. */
export function onWanted(state: ClientState, wanted: ReadonlySet<string>): ClientState {
  const versions = new Map([...state.versions].filter(([name]) => wanted.has(name)));
  return { ...state, wanted, versions };
}

/** The state once the client no longer has some of what it accepted. */
export function onForgotten(state: ClientState, names: Iterable<string>): ClientState {
  const versions = new Map(state.versions);
  for (const name of names) versions.delete(name);
  return versions.size === state.versions.size ? state : { ...state, versions };
}

/** The type's first request on a stream; it tells what the client has from before. */
export function firstRequest(state: ClientState): DiscoveryRequest | DeltaDiscoveryRequest {
  const { typeUrl, version } = state;
  if (state.mode === "sotw") {
    return create(DiscoveryRequestSchema, {
      typeUrl,
      versionInfo: version,
      resourceNames: namesOf(state.wanted),
    });
  }
  return create(DeltaDiscoveryRequestSchema, {
    typeUrl,
    resourceNamesSubscribe: namesOf(state.wanted),
    initialResourceVersions: Object.fromEntries(state.versions),
  });
}

/**
 * Whether there is anything to ask for. A first request that names nothing would ask for all, so a subscription by
 * name waits for its first name.
 */
export function wantsAny(state: ClientState): boolean {
  return state.wanted === "*" || state.wanted.size > 0;
}

/** The request that tells of a change of what is wanted, after the type's first one; undefined where nothing changed. */
export function wantedRequest(
  before: ClientState,
  after: ClientState,
): DiscoveryRequest | DeltaDiscoveryRequest | undefined {
  const names = namesOf(after.wanted);
  const added = names.filter((name) => !wants(before, name));
  const dropped = namesOf(before.wanted).filter((name) => !wants(after, name));
  if (added.length === 0 && dropped.length === 0) return undefined;
  if (after.mode === "sotw") return answer(after, after.nonce);
  return create(DeltaDiscoveryRequestSchema, {
    typeUrl: after.typeUrl,
    resourceNamesSubscribe: added,
    resourceNamesUnsubscribe: dropped,
  });
}

/** Code of `error_detail`, as Envoy sends it: INTERNAL. */
const nackCode = 13;

/** The ACK of a response, or the NACK where there is a reason. `state` is the one after the verdict. */
export function answer(
  state: ClientState,
  responseNonce: string,
  reason?: string,
): DiscoveryRequest | DeltaDiscoveryRequest {
  const { typeUrl, version } = state;
  const error = reason === undefined ? {} : { errorDetail: { code: nackCode, message: reason } };
  if (state.mode === "delta")
    return create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce, ...error });
  const resourceNames = namesOf(state.wanted);
  return create(DiscoveryRequestSchema, {
    typeUrl,
    versionInfo: version,
    resourceNames,
    responseNonce,
    ...error,
  });
}

/** A client that wants all names nothing: every server knows that, but not every one knows `*`. */
function namesOf(wanted: Wanted): string[] {
  return wanted === "*" ? [] : [...wanted];
}

function wants(state: ClientState, name: string): boolean {
  return state.wanted === "*" || state.wanted.has(name);
}
