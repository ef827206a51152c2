import type { KeySetSource } from "@weft/mesh-model";
import { FetchError } from "./fetch.ts";

/** Fetches a document; see `fetchDocument`. */
export type Fetch = (url: string) => Promise<string>;

function parse(url: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // said below
  }
  throw new FetchError(`${url}: is no JSON object`);
}

/** The URL of the keys that an issuer's OpenID configuration names. */
async function discover(issuer: string, fetch: Fetch): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { jwks_uri: uri } = parse(url, await fetch(url));
  if (typeof uri !== "string" || uri === "") throw new FetchError(`${url}: has no jwks_uri`);
  return uri;
}

/**
 * Fetches the keys of a source, as the text that proxies are given.
 * @throws FetchError where they cannot be had, or are none
 */
export async function fetchKeySet({ kind, url }: KeySetSource, fetch: Fetch): Promise<string> {
  const uri = kind === "jwks" ? url : await discover(url, fetch);
  const { keys } = parse(uri, await fetch(uri));
  if (!Array.isArray(keys) || keys.length === 0)
    throw new FetchError(`${uri}: is no JWKS, or one without keys`);
  // Written anew: what stands beside the keys is nothing to proxies.
  return JSON.stringify({ keys });
}
