import { createHash } from "node:crypto";
import { keySetObject } from "@weft/mesh-model";
import { resourcesToJson } from "../resources/to-json.ts";
import { anySidecar, parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";
import { nobodysKeys } from "./authentication.ts";

const policies = (...rules: string[]) =>
  parseText(
    rules
      .map(
        (rule, i) => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: policy-${i}, namespace: ${i === 0 ? "default" : "istio-system"} }
spec: { jwtRules: [${rule}] }
`,
      )
      .join("---"),
  );

/** The key sets that the proxy is given, by issuer, in the order of the providers. */
function keysByIssuer(objects: Parameters<typeof snapshotOf>[0]): readonly (readonly [unknown, unknown])[] {
  const { value } = translate(viewOf(snapshotOf(objects), anySidecar));
  const text = JSON.stringify(resourcesToJson(value).listeners.virtualInbound);
  const found = new Map<string, readonly [unknown, unknown]>();
  for (const [, name = "", issuer, keys] of text.matchAll(
    /"(origins-\d+)":\{"issuer":"([^"]*)".*?"inline_string":("(?:[^"\\]|\\.)*")/g,
  ))
    found.set(name, [issuer, JSON.parse(keys ?? "")]);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
}

const keys = (id: string) => JSON.stringify({ keys: [{ kty: "EC", kid: id }] });

describe("buildAuthentication()", () => {
  it("gives the keys that were fetched from the rule's source, and no others", () => {
    const objects = [
      ...policies(
        "{ issuer: https://a, jwksUri: https://a/keys }",
        "{ issuer: https://b }, { issuer: https://c, jwksUri: https://c/keys }",
      ),
      keySetObject({ kind: "jwks", url: "https://a/keys" }, keys("a")),
      keySetObject({ kind: "issuer", url: "https://b" }, keys("b")),
      // of the same URL, but not of the same source
      keySetObject({ kind: "issuer", url: "https://c/keys" }, keys("c")),
    ];
    expect(keysByIssuer(objects)).toEqual([
      ["https://a", keys("a")],
      ["https://b", keys("b")],
      ["https://c", nobodysKeys],
    ]);
  });

  it.each(["garbage", "[]", '{"keys":"none"}', ""])("takes inline keys %j for none", (jwks) => {
    const objects = policies(
      `{ issuer: https://a, jwks: '${jwks}', jwksUri: "" }`.replace(', jwksUri: ""', ""),
    );
    expect(keysByIssuer(objects)).toEqual([["https://a", nobodysKeys]]);
  });
});

describe("nobodysKeys", () => {
  it("is a key whose private part nobody can have chosen", () => {
    const [key] = JSON.parse(nobodysKeys).keys;
    expect(key.x).toBe(createHash("sha256").update("weft: no keys 0").digest("base64url"));
  });
});
