import { typeUrls } from "@weft/envoy-api";

/**
 * A type's part in make-before-break:
 * - `make`: clusters and what they need; added before anything refers to them, removed after nothing does.
 * - `use`: what refers to clusters; sent once those are ACKed.
 * - `free`: sent in its turn, waits for nothing. (Secrets too: a cluster that waits for its secret is not ACKed.)
 */
export type Stage = "make" | "use" | "free";

/** How the protocol treats one resource type. */
export interface ResourceType {
  readonly typeUrl: string;
  readonly stage: Stage;
  /**
   * State-of-the-world responses of this type hold every resource subscribed to, and what is missing is thereby removed;
   * of all other types they hold what changed. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#grouping-resources-into-responses
   */
  readonly fullState: boolean;
  /**
   * Types that a client waits for once it has got this one, even where it has them already: Envoy warms a changed
   * cluster until its endpoints come anew. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming
   */
  readonly warmedBy: readonly string[];
  /**
   * The type that resources of this one are parts of, which their names say: `OWNER/…`. A part is sent once the client has its owner,
   * and again whenever that is sent. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
   */
  readonly partsOf?: string;
}

/** The types in the order they are sent, Istio's: each type before the types that refer to it. The rest follows, by type URL. */
export const resourceTypes: readonly ResourceType[] = [
  {
    typeUrl: typeUrls.cluster,
    stage: "make",
    fullState: true,
    warmedBy: [typeUrls.endpoint, typeUrls.secret],
  },
  { typeUrl: typeUrls.endpoint, stage: "make", fullState: false, warmedBy: [] },
  { typeUrl: typeUrls.listener, stage: "use", fullState: true, warmedBy: [typeUrls.route, typeUrls.secret] },
  { typeUrl: typeUrls.route, stage: "use", fullState: false, warmedBy: [] },
  {
    typeUrl: typeUrls.virtualHost,
    stage: "use",
    fullState: false,
    warmedBy: [],
    partsOf: typeUrls.route,
  },
  { typeUrl: typeUrls.secret, stage: "free", fullState: false, warmedBy: [] },
];

const known = new Map(resourceTypes.map((type) => [type.typeUrl, type]));

/** The traits of a type; a type that is not in {@link resourceTypes} depends on nothing. */
export function resourceType(typeUrl: string): ResourceType {
  return known.get(typeUrl) ?? { typeUrl, stage: "free", fullState: false, warmedBy: [] };
}

/** The types whose resources are parts of those of a type. */
export function partTypes(typeUrl: string): readonly ResourceType[] {
  return resourceTypes.filter(({ partsOf }) => partsOf === typeUrl);
}

const position = new Map(resourceTypes.map((type, index) => [type.typeUrl, index]));

/** Compares two type URLs by the order they are sent in. */
export function compareTypes(a: string, b: string): number {
  const byOrder = (position.get(a) ?? resourceTypes.length) - (position.get(b) ?? resourceTypes.length);
  return byOrder !== 0 ? byOrder : a < b ? -1 : a > b ? 1 : 0;
}
