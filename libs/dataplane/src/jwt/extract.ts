import type { HeaderMap } from "../runtime/headers.ts";
import type { RequestHead } from "../runtime/request.ts";

/** Where a token is looked for in a request. */
export type TokenLocation =
  /** After `prefix`, wherever that stands in the value. */
  | { readonly kind: "header"; readonly name: string; readonly prefix: string }
  | { readonly kind: "param" | "cookie"; readonly name: string };

/** A place, with the issuers whose tokens may stand there; `any` where some provider has no issuer. */
export interface SharedLocation {
  readonly location: TokenLocation;
  readonly issuers: ReadonlySet<string> | "any";
}

/** A token that was found. */
export interface FoundToken {
  readonly text: string;
  readonly at: SharedLocation;
}

/** Gathers the locations of providers, headers first, each kind by name: the order in which they are looked at. */
export function shareLocations(
  providers: readonly { readonly issuer: string; readonly locations: readonly TokenLocation[] }[],
): readonly SharedLocation[] {
  const shared = new Map<string, { location: TokenLocation; issuers: Set<string> | "any" }>();
  for (const { issuer, locations } of providers) {
    for (const location of locations) {
      const key = sortKey(location);
      const known = shared.get(key);
      if (issuer === "") shared.set(key, { location, issuers: "any" });
      else if (known === undefined) shared.set(key, { location, issuers: new Set([issuer]) });
      else if (known.issuers !== "any") known.issuers.add(issuer);
    }
  }
  return [...shared].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

const sortKey = (location: TokenLocation): string =>
  location.kind === "header"
    ? `0${location.name}${location.prefix}`
    : `${location.kind === "param" ? 1 : 2}${location.name}`;

/** Finds the tokens of a request: every line of a header, the first of params and cookies of a name. */
export function extractTokens(head: RequestHead, locations: readonly SharedLocation[]): FoundToken[] {
  const found: FoundToken[] = [];
  for (const at of locations) {
    const { location } = at;
    if (location.kind === "header") extractFromHeader(head, location, at, found);
    else {
      const text =
        location.kind === "param" ? paramOf(head.path, location.name) : cookieOf(head, location.name);
      if (text !== undefined) found.push({ text, at });
    }
  }
  return found;
}

/** Characters of tokens: Base64url and dots. */
const tokenCharacter = /[A-Za-z0-9\-_.]/g;

function extractFromHeader(
  { headers }: RequestHead,
  { name, prefix }: { readonly name: string; readonly prefix: string },
  at: SharedLocation,
  found: FoundToken[],
): void {
  for (const value of linesOf(headers, name)) {
    if (prefix === "") {
      found.push({ text: value, at });
      continue;
    }
    const start = value.indexOf(prefix);
    if (start < 0) continue;
    tokenCharacter.lastIndex = start + prefix.length;
    const from = tokenCharacter.exec(value)?.index ?? 0;
    found.push({ text: value.slice(from), at });
  }
}

/** Two lines of `authorization` are one value for Envoy, in which there is no good token. */
function linesOf(headers: HeaderMap, name: string): readonly string[] {
  if (name === "authorization") {
    const value = headers.get(name);
    return value === undefined ? [] : [value];
  }
  const lines: string[] = [];
  for (const [known, value] of headers) if (known === name) lines.push(value);
  return lines;
}

const queryOf = (path: string): string | undefined => {
  const question = path.indexOf("?");
  return question < 0 ? undefined : path.slice(question + 1);
};

function paramOf(path: string, name: string): string | undefined {
  const query = queryOf(path);
  if (query === undefined) return undefined;
  for (const part of query.split("&")) {
    if (decode(part.split("=", 1)[0] ?? "") !== name) continue;
    const equals = part.indexOf("=");
    return equals < 0 ? "" : decode(part.slice(equals + 1));
  }
  return undefined;
}

/** Decodes what is encoded; a broken encoding stays as it is. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) =>
    Buffer.from(codes.replaceAll("%", ""), "hex").toString(),
  );
}

function cookieOf({ headers: { list } }: RequestHead, name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== "cookie") continue;
    for (const part of list[i + 1]?.split(";") ?? []) {
      const equals = part.indexOf("=");
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      return /^".*"$/.test(value) ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

/** Takes a token out of the request, so that it goes no further; cookies stay, as in Envoy. */
export function removeToken(head: RequestHead, { location }: SharedLocation): void {
  if (location.kind === "header") head.headers.remove(location.name);
  if (location.kind !== "param") return;
  const query = queryOf(head.path);
  if (query === undefined) return;
  const kept = query.split("&").filter((part) => decode(part.split("=", 1)[0] ?? "") !== location.name);
  const path = head.path.slice(0, head.path.length - query.length - 1);
  head.path = kept.length === 0 ? path : `${path}?${kept.join("&")}`;
}
