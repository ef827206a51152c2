import { contentHash } from "@weft/base";
import type { JWTRule } from "@weft/istio-api";
import type { Config } from "../config.ts";
import type { MeshObject } from "../object.ts";
import type { MeshSnapshot } from "../snapshot.ts";

/**
 * Where the keys that verify an issuer's tokens are fetched from: a JWKS, or the issuer's OpenID configuration, which names one.
 * https://openid.net/specs/openid-connect-discovery-1_0.html
 */
export interface KeySetSource {
  readonly kind: "jwks" | "issuer";
  readonly url: string;
}

/** A key set as the mesh has it; kept as an object beside the configuration, so that a change of keys is a change of the mesh. */
interface KeySet {
  readonly source: KeySetSource;
  readonly jwks: string;
}

const apiVersion = "internal.istio.io/v1alpha1";
const kind = "JsonWebKeySet";

/** The source of a rule's keys; undefined where it brings them along. */
export function keySetSourceOf({ issuer, jwks, jwksUri, jwks_uri }: JWTRule): KeySetSource | undefined {
  if (jwks) return undefined;
  const uri = jwksUri || jwks_uri;
  return uri ? { kind: "jwks", url: uri } : { kind: "issuer", url: issuer ?? "" };
}

/** Identity of a source. */
export function keySetSourceKey({ kind: of, url }: KeySetSource): string {
  return `${of} ${url}`;
}

/** A fetched key set, for the store. No API server and no file holds such objects. */
export function keySetObject(source: KeySetSource, jwks: string): MeshObject {
  const spec: KeySet = { source, jwks };
  return {
    apiVersion,
    kind,
    metadata: { name: contentHash(keySetSourceKey(source)), namespace: "", labels: {}, annotations: {} },
    body: { spec },
  };
}

function keySets(snapshot: MeshSnapshot): ReadonlyMap<string, string> {
  return snapshot.memo.get("key-sets", () => {
    const all = (snapshot.configs.others.get(kind) ?? []) as readonly Config<KeySet>[]; // only keySetObject() makes them
    return new Map(all.map(({ spec }) => [keySetSourceKey(spec.source), spec.jwks]));
  });
}

/** The keys that were fetched from a source last; undefined where there never were any. */
export function keySetOf(snapshot: MeshSnapshot, source: KeySetSource): string | undefined {
  return keySets(snapshot).get(keySetSourceKey(source));
}
