import { createFakeClock } from "@weft/base";
import fc from "fast-check";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";
import type { JwtContext } from "./authenticate.ts";
import { jwtFailures } from "./failure.ts";
import { signingKey, token } from "./fixtures.ts";
import {
  compileAudiences,
  importKeys,
  type JwtProvider,
  type KeySource,
  localKeys,
  remoteKeys,
} from "./index.ts";
import { compileRequirement, type JwtRequirement } from "./requirement.ts";
import { maxTokenLength, parseToken } from "./token.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

const keys = { es: signingKey("P-256", "es"), rs: signingKey("RSA", "rs"), other: signingKey("P-256") };
const set = (...jwks: readonly object[]) => JSON.stringify({ keys: jwks });
const imported = (...jwks: readonly object[]) => importKeys(set(...jwks), () => {});
const now = 1_700_000_000;
const claims = { iss: "me", sub: "joe", aud: "web", exp: now + 60 };

function provider(changes: Partial<JwtProvider> = {}): JwtProvider {
  return {
    name: "p",
    issuer: "me",
    audiences: compileAudiences(["web"]),
    subjects: undefined,
    requireExpiration: false,
    maxLifetimeS: undefined,
    clockSkewS: 60,
    locations: [{ kind: "header", name: "x-jwt", prefix: "" }],
    keys: localKeys(imported(keys.es.jwk, keys.rs.jwk), 10),
    forward: false,
    forwardPayloadHeader: "",
    padForwardPayload: false,
    claimHeaders: [],
    payloadInMetadata: "payload",
    spaceDelimitedClaims: [],
    headerInMetadata: "",
    failureInMetadata: "",
    clearRouteCache: false,
    ...changes,
  };
}

const required: JwtRequirement = { kind: "provider", name: "p", audiences: [] };

/** The outcome for tokens in `x-jwt`; `pending` while there is none. */
function check(tokens: readonly string[], by = provider(), requirement = required, at = now) {
  const headers = new HeaderMap(tokens.flatMap((text) => ["x-jwt", text]));
  const context: JwtContext = {
    head: new RequestHead("GET", "/", "a", "HTTP/1.1", headers),
    now: at,
    extracted: {},
    rerouted: false,
    onCache: () => {},
  };
  const result = { outcome: "pending", extracted: context.extracted, headers };
  compileRequirement(requirement, new Map([["p", by]]))(context, (failure) => {
    result.outcome = failure?.message ?? "ok";
  });
  return result;
}

const signed = (changes: object = {}) => token(keys.es, { ...claims, ...changes });

describe("attacks with tokens", () => {
  it("lets a good token pass, and takes it out of the request", () => {
    const { outcome, extracted, headers } = check([signed()]);
    expect(outcome).toBe("ok");
    expect(extracted).toEqual({ payload: claims });
    expect(headers.has("x-jwt")).toBe(false);
  });

  const forged = token(keys.other, claims);
  const cut = signed().split(".").slice(0, 2).join(".");
  it.each<[string, string, string]>([
    ["none", "", "not in the form"],
    ["of the algorithm none", token(keys.es, claims, { alg: "none" }, "ES256"), "not supported"],
    ["of the algorithm None", token(keys.es, claims, { alg: "None" }, "ES256"), "not supported"],
    ["without a signature", `${cut}.`, "not in the form"],
    [
      "signed by HMAC with the public key",
      token(signingKey("oct"), claims, { alg: "HS256", kid: "rs" }),
      "verification fails",
    ],
    [
      "of another kind of key's algorithm",
      token(keys.es, claims, { alg: "RS256", kid: "es" }, "ES256"),
      "verification fails",
    ],
    ["by another key", forged, "verification fails"],
    [
      "that brings its key along",
      token(keys.other, claims, { alg: "ES256", jwk: keys.other.jwk, jku: "http://127.0.0.1/", x5c: ["x"] }),
      "verification fails",
    ],
    ["with the id of another key", token(keys.es, claims, { alg: "ES256", kid: "rs" }), "verification fails"],
    ["with an id that is a path", token(keys.es, claims, { alg: "ES256", kid: "../es" }), "match kid"],
    [
      "with critical extensions",
      token(keys.es, claims, { alg: "ES256", crit: ["b64"] }),
      "verification fails",
    ],
    ["for another audience", signed({ aud: "other" }), "Audiences in Jwt are not allowed"],
    ["for no audience", signed({ aud: undefined }), "Audiences in Jwt are not allowed"],
    ["of another issuer", signed({ iss: "you" }), "issuer is not configured"],
    ["that is expired", signed({ exp: now - 61 }), "expired"],
    ["that is not valid yet", signed({ nbf: now + 61 }), "not yet valid"],
    ["that is too large", signed({ x: "a".repeat(maxTokenLength) }), "not in the form"],
    ["whose payload was changed", signed().replace(/\.[^.]+\./, `.${btoa('{"iss":"me"}')}.`), ""],
    ["in another Base64", `${signed()}=`, "Base64url"],
  ])("refuses a token %s", (_name, text, reason) => {
    const { outcome, extracted } = check([text], provider({ issuer: "me" }));
    expect(outcome).not.toBe("ok");
    expect(outcome).toContain(reason);
    expect(extracted).toEqual({});
  });

  it("refuses a replayed token once it is expired, though its signature is remembered", () => {
    const by = provider();
    const text = signed();
    expect(check([text], by).outcome).toBe("ok");
    expect(check([text], by, required, now + 121).outcome).toBe("Jwt is expired");
  });

  it.each([[[signed(), forged]], [[forged, signed()]]])(
    "refuses a good token beside a bad one, and passes nothing on",
    (tokens) => {
      for (const requirement of [
        required,
        { kind: "any", of: [required, { kind: "allow-missing" }] },
      ] as const) {
        const { outcome, extracted } = check(tokens, provider(), requirement);
        expect(outcome).toBe("Jwt verification fails");
        expect(extracted).toEqual({});
      }
    },
  );

  it("believes none of several where they may fail and one does", () => {
    const lenient: JwtRequirement = { kind: "any", of: [required, { kind: "allow-missing-or-failed" }] };
    expect(check([forged, signed()], provider(), lenient)).toMatchObject({ outcome: "ok", extracted: {} });
  });

  it("removes headers that only a token may set", () => {
    const by = provider({
      claimHeaders: [{ header: "x-sub", claim: ["sub"] }],
      forwardPayloadHeader: "x-payload",
    });
    const headers = new HeaderMap(["x-sub", "admin", "x-payload", "forged"]);
    const head = new RequestHead("GET", "/", "a", "HTTP/1.1", headers);
    const context = { head, now, extracted: {}, rerouted: false, onCache: () => {} };
    compileRequirement({ kind: "any", of: [required, { kind: "allow-missing" }] }, new Map([["p", by]]))(
      context,
      () => {},
    );
    expect([...headers]).toEqual([]);
  });

  it("writes no header lines by a claim", () => {
    const by = provider({ claimHeaders: [{ header: "x-sub", claim: ["sub"] }] });
    const { outcome, headers } = check([signed({ sub: "joe\r\nx-admin: 1" })], by);
    expect(outcome).toBe("ok");
    expect([...headers]).toEqual([]);
  });
});

describe("parseToken()", () => {
  it("throws nothing, whatever it is given", () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc.constant(Buffer.from('{"alg":"ES256"}').toString("base64url")),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        expect(typeof parseToken(parts.join("."))).toBe("object");
      }),
    );
  });
});

describe("importKeys()", () => {
  it.each<[string, object]>([
    ["an algorithm of another kind of key", { ...keys.rs.jwk, alg: "HS256" }],
    ["an algorithm of another curve", { ...keys.es.jwk, alg: "ES384" }],
    ["encryption", { ...keys.rs.jwk, use: "enc" }],
    ["a short RSA key", { kty: "RSA", e: "AQAB", n: Buffer.alloc(128, 255).toString("base64url") }],
    ["a point off the curve", { ...keys.es.jwk, x: Buffer.alloc(32, 1).toString("base64url") }],
    ["another curve", { kty: "EC", crv: "secp256k1", x: "AA", y: "AA" }],
    ["no kind", { n: "AQ" }],
    ["an empty secret", { kty: "oct", k: "" }],
  ])("leaves out a key with %s", (_name, jwk) => {
    const reported: string[] = [];
    expect(importKeys(set(jwk), (problem) => reported.push(problem))).toBeUndefined();
    expect(reported[0]).toMatch(/^keys\[0\] /);
    expect(importKeys(set(jwk, keys.es.jwk), () => {})).toBeDefined();
  });

  it.each(["", "[]", "null", '{"keys":{}}', '{"keys":[]}', '{"keys":[null, 1]}'])(
    "takes nothing of %j",
    (text) => {
      expect(importKeys(text, () => {})).toBeUndefined();
    },
  );

  it("tries no more than some keys for one token, whose id it may have none of", () => {
    const many = Array.from({ length: 40 }, () => ({ ...keys.other.jwk, kid: undefined }));
    const parsed = parseToken(signed());
    if ("message" in parsed) throw new Error(parsed.message);
    expect(imported(...many, { ...keys.es.jwk, kid: undefined })?.verify(parsed)).toBe(
      jwtFailures.verification,
    );
  });
});

describe("VerifiedTokens", () => {
  it("holds no more than its bound, those used last", () => {
    const parsed = parseToken(signed());
    if ("message" in parsed) throw new Error(parsed.message);
    const tokens = new VerifiedTokens(2);
    for (const text of ["a", "b"]) tokens.add(text, parsed);
    tokens.get("a");
    tokens.add("c", parsed);
    expect(["a", "b", "c"].filter((text) => tokens.get(text) !== undefined)).toEqual(["a", "c"]);
    tokens.add("x".repeat(5000), parsed);
    expect(tokens.size).toBe(2);
  });
});

describe("remoteKeys()", () => {
  function setUp() {
    const clock = createFakeClock(1);
    const fetches: ((text: string | undefined) => void)[] = [];
    const source: KeySource = remoteKeys({
      fetch: (done) => fetches.push(done),
      cacheMs: 10_000,
      cacheSize: 10,
      clock,
      onFetch: () => {},
    });
    return { clock, fetches, by: provider({ keys: source }) };
  }

  it("fetches once for all who wait, and again when the set is old", () => {
    const { clock, fetches, by } = setUp();
    const waiting = [check([signed()], by), check([signed()], by)];
    expect(waiting.map(({ outcome }) => outcome)).toEqual(["pending", "pending"]);
    expect(fetches).toHaveLength(1);
    fetches[0]?.(set(keys.es.jwk));
    expect(waiting.map(({ outcome }) => outcome)).toEqual(["ok", "ok"]);
    expect(check([signed()], by).outcome).toBe("ok");
    clock.advance(10_000);
    expect(check([signed()], by).outcome).toBe("pending");
    fetches[1]?.(set(keys.other.jwk));
    expect(check([signed()], by).outcome).toBe("Jwt verification fails");
  });

  it.each([
    ["a fetch that fails", undefined, "Jwks remote fetch is failed"],
    ["no key set", "<html>", "Jwks doesn't have any valid public key"],
  ])("lets nothing pass after %s, and waits before it asks again", (_name, text, outcome) => {
    const { clock, fetches, by } = setUp();
    const first = check([signed()], by);
    fetches[0]?.(text);
    expect(first.outcome).toBe(outcome);
    expect(check([signed()], by).outcome).toBe(outcome);
    expect(fetches).toHaveLength(1);
    clock.advance(1000);
    expect(check([signed()], by).outcome).toBe("pending");
    fetches[1]?.(set(keys.es.jwk));
    expect(check([signed()], by).outcome).toBe("ok");
  });

  it("holds no more than some requests", () => {
    const { by } = setUp();
    const waiting = Array.from({ length: 1001 }, () => check([signed()], by));
    expect(waiting.filter(({ outcome }) => outcome !== "pending").map(({ outcome }) => outcome)).toEqual([
      "Jwks remote fetch is failed",
    ]);
  });
});
