import type { RequestHead } from "../runtime/request.ts";
import { extractTokens, type FoundToken, removeToken, type SharedLocation } from "./extract.ts";
import { type JwtFailure, jwtFailures } from "./failure.ts";
import { type ActiveKeys, isFailure } from "./key-source.ts";
import { type AudienceCheck, checkClaims, type JwtProvider } from "./provider.ts";
import { type ParsedToken, parseToken } from "./token.ts";

/** A request whose tokens are looked at. */
export interface JwtContext {
  readonly head: RequestHead;
  /** Seconds since the epoch. */
  readonly now: number;
  /** What goes into metadata, by name. */
  readonly extracted: Record<string, unknown>;
  /** Set where the route is to be chosen again. */
  rerouted: boolean;
  readonly onCache: (hit: boolean) => void;
}

/** Which tokens to believe. */
export interface TokenPolicy {
  readonly locations: readonly SharedLocation[];
  /** Headers that only a token may set; a client's own are removed. */
  readonly sanitized: readonly string[];
  /** The one provider, where there is no choice. */
  readonly only?: JwtProvider;
  /** Finds the provider of an issuer. */
  readonly provider: (issuer: string) => JwtProvider | undefined;
  /** In place of the provider's own. */
  readonly audiences?: AudienceCheck;
  readonly allowMissing: boolean;
  readonly allowFailed: boolean;
  readonly failureInMetadata: string;
}

/** Told of the outcome, perhaps before the call returns. */
export type JwtDone = (failure: JwtFailure | undefined) => void;

/**
 * Verifies all tokens of a request that stand where a policy looks. All must be good: else an upstream might take the
 * bad one for the one that was verified. Where they may fail, one that does makes none of them believed.
 */
export function authenticate(policy: TokenPolicy, context: JwtContext, done: JwtDone): void {
  for (const name of policy.sanitized) context.head.headers.remove(name);
  const tokens = extractTokens(context.head, policy.locations);
  if (tokens.length === 0) {
    done(
      policy.allowMissing || policy.allowFailed ? undefined : failed(policy, context, jwtFailures.missing),
    );
    return;
  }
  const accepted: (() => void)[] = [];
  const next = () => {
    const token = tokens.pop();
    if (token === undefined) {
      // Not before all are judged: a token that is taken out must not hide that another one was bad.
      for (const accept of accepted) accept();
      done(undefined);
      return;
    }
    verifyToken(policy, context, token, (outcome) => {
      if (typeof outcome === "function") {
        accepted.push(outcome);
        next();
      } else done(policy.allowFailed ? undefined : failed(policy, context, outcome));
    });
  };
  next();
}

function failed(policy: TokenPolicy, { extracted }: JwtContext, failure: JwtFailure): JwtFailure {
  if (policy.failureInMetadata !== "")
    extracted[policy.failureInMetadata] = { code: failure.code, message: failure.message };
  return failure;
}

/** Gives what is to be done where the token is believed, or why it is not. */
function verifyToken(
  policy: TokenPolicy,
  context: JwtContext,
  found: FoundToken,
  done: (outcome: (() => void) | JwtFailure) => void,
): void {
  // Where one provider alone comes into question its verified tokens need not be read again.
  const known = policy.only?.keys.recall(found.text);
  const parsed = known ?? parseToken(found.text);
  if (isFailure(parsed)) {
    done(parsed);
    return;
  }
  const { issuers } = found.at;
  const provider = policy.provider(parsed.issuer);
  if (provider === undefined || (issuers !== "any" && !issuers.has(parsed.issuer))) {
    done(jwtFailures.issuer);
    return;
  }
  const problem = checkClaims(parsed, provider, policy.audiences ?? provider.audiences, context.now);
  if (problem !== undefined) {
    done(problem);
    return;
  }
  const accepted = () => accept(provider, parsed, found, context);
  if (known !== undefined) {
    context.onCache(true);
    done(accepted);
    return;
  }
  provider.keys.get((keys) => {
    const failure = isFailure(keys) ? keys : verifySignature(keys, found.text, parsed, context);
    done(failure ?? accepted);
  });
}

function verifySignature(
  { set, verified }: ActiveKeys,
  text: string,
  parsed: ParsedToken,
  { onCache }: JwtContext,
): JwtFailure | undefined {
  const known = verified.get(text) !== undefined;
  onCache(known);
  if (known) return undefined;
  const failure = set.verify(parsed);
  if (failure === undefined) verified.add(text, parsed);
  return failure;
}

/** Passes on what a good token says. */
function accept(provider: JwtProvider, token: ParsedToken, found: FoundToken, context: JwtContext): void {
  const { head, extracted } = context;
  const { headers } = head;
  if (provider.forwardPayloadHeader !== "") {
    const padding = provider.padForwardPayload ? "=".repeat((4 - (token.payloadText.length % 4)) % 4) : "";
    headers.append(provider.forwardPayloadHeader, token.payloadText + padding);
  }
  for (const { header, claim } of provider.claimHeaders) {
    const value = claimText(token.payload, claim);
    if (value !== undefined) headers.append(header, value);
  }
  if (!provider.forward) removeToken(head, found.at);
  if (provider.headerInMetadata !== "") extracted[provider.headerInMetadata] = token.header;
  if (provider.payloadInMetadata !== "")
    extracted[provider.payloadInMetadata] = withLists(token.payload, provider.spaceDelimitedClaims);
  if (provider.clearRouteCache && (provider.claimHeaders.length > 0 || provider.payloadInMetadata !== ""))
    context.rerouted = true;
}

function withLists(payload: Readonly<Record<string, unknown>>, claims: readonly string[]): unknown {
  const lists = claims.flatMap((claim) => {
    const value = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
    return typeof value === "string"
      ? [[claim, value.split(" ").filter((word) => word !== "")] as const]
      : [];
  });
  return lists.length === 0 ? payload : { ...payload, ...Object.fromEntries(lists) };
}

/** What no header may hold; a claim with it would write headers of its own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsendable = /[\0-\x08\x0a-\x1f\x7f]/;

function claimText(payload: unknown, path: readonly string[]): string | undefined {
  let value = payload;
  for (const key of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key]; // it has it, as was just seen
  }
  if (typeof value === "object" && value !== null)
    return Buffer.from(JSON.stringify(value)).toString("base64");
  if (value === null || value === undefined) return undefined;
  const text = typeof value === "number" && !Number.isInteger(value) ? value.toFixed(6) : String(value);
  // Headers hold bytes, one to a character.
  return text === "" || unsendable.test(text) ? undefined : Buffer.from(text).toString("latin1");
}
