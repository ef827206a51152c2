import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultMeshConfig } from "@weft/istio-api";
import { createStore } from "@weft/mesh-model";
import {
  type Child,
  checkout,
  describeWithPeer,
  type EnvoyResources,
  freePorts,
  startChild,
  toStaticBootstrap,
} from "@weft/testkit";
import { resourcesToJson } from "../resources/to-json.ts";
import { envoyViolations } from "../testing/expectations.ts";
import { parseText, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";

/** An issuer of tokens, with the key it signs with. */
class Issuer {
  readonly #key: KeyObject;
  readonly jwks: string;
  readonly name: string;

  constructor(name: string) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = privateKey;
    this.name = name;
    this.jwks = JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: name, use: "sig" }] });
  }

  token(claims: object = {}): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "ES256", kid: this.name })}.${part({ iss: this.name, sub: "me", ...claims })}`;
    const signature = sign("sha256", Buffer.from(signed), { key: this.#key, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }
}

/** A token of an issuer that somebody else has made, without a key or with the issuer's public one as a secret. */
function forged(alg: "none" | "HS256", { name, jwks }: Issuer): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claimed = `${part({ alg, kid: name })}.${part({ iss: name, sub: "me", aud: "shop" })}`;
  if (alg === "none") return `${claimed}.`;
  const [key] = JSON.parse(jwks).keys;
  const secret = createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" });
  return `${claimed}.${createHmac("sha256", secret).update(claimed).digest("base64url")}`;
}

const a = new Issuer("https://a.example.com");
const b = new Issuer("https://b.example.com");
const stranger = new Issuer("https://a.example.com");

interface Ports {
  readonly inbound: number;
  readonly app: number;
  readonly authorizer: number;
  readonly gateway: number;
}

const mesh = ({ inbound, app, authorizer, gateway }: Ports) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: server, namespace: default }
spec:
  ingress:
    - port: { number: ${inbound}, protocol: HTTP, name: http }
      bind: 127.0.0.1
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:${app}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: authorizer, namespace: default }
spec:
  hosts: [authorizer.example.com]
  ports: [{ number: 9000, name: http, protocol: HTTP, targetPort: ${authorizer} }]
  resolution: STATIC
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: default }
spec:
  jwtRules:
    - issuer: ${a.name}
      audiences: [shop]
      jwks: '${a.jwks}'
      outputPayloadToHeader: x-payload
      outputClaimToHeaders: [{ header: x-subject, claim: sub }]
      forwardOriginalToken: true
    - issuer: ${b.name}
      jwks: '${b.jwks}'
      fromHeaders: [{ name: x-token, prefix: "Token " }]
      fromParams: [token]
      fromCookies: [session]
    - issuer: https://unfetched.example.com
      jwksUri: https://unfetched.example.com/keys
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: allow, namespace: default }
spec:
  rules:
    - to: [{ operation: { paths: [/open, /open/*, /ext/*, "/template/{*}/end"] } }]
    - from: [{ source: { requestPrincipals: ["*"] } }]
      to: [{ operation: { paths: [/any] } }]
    - from: [{ source: { requestPrincipals: ["https://b.example.com/me"] } }]
      to: [{ operation: { paths: [/b] } }]
    - to: [{ operation: { paths: [/admin] } }]
      when: [{ key: "request.auth.claims[groups]", values: [admin] }]
    - to: [{ operation: { paths: [/nested] } }]
      when: [{ key: "request.auth.claims[realm][role]", values: ["own*"] }]
    - to: [{ operation: { paths: [/scope] } }]
      when: [{ key: "request.auth.claims[scope]", values: [write] }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny, namespace: default }
spec:
  action: DENY
  rules:
    - to: [{ operation: { paths: [/open/secret*] } }]
    - to: [{ operation: { hosts: [evil.example.com, "evil.example.com:*"] } }]
    - when: [{ key: "request.headers[x-team]", values: [red] }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: trial, namespace: default, annotations: { istio.io/dry-run: "true" } }
spec: { action: DENY, rules: [{}] }
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: front }
spec: { jwtRules: [{ issuer: ${b.name}, jwks: '${b.jwks}' }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway, namespace: front }
spec:
  selector: { app: gateway }
  servers: [{ port: { number: ${gateway}, name: http, protocol: HTTP }, bind: 127.0.0.1, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: by-claim, namespace: front }
spec:
  hosts: ["*"]
  gateways: [gateway]
  http:
    - match: [{ headers: { "@request.auth.claims.realm.role": { prefix: adm } } }]
      directResponse: { status: 200, body: { string: for admins } }
    - match: [{ withoutHeaders: { "@request.auth.claims[sub]": { exact: me } } }]
      directResponse: { status: 200, body: { string: for strangers } }
    - directResponse: { status: 200, body: { string: for me } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ask, namespace: default }
spec: { action: CUSTOM, provider: { name: ours }, rules: [{ to: [{ operation: { paths: [/ext/*] } }] }] }
`;

const extensionProviders = [
  {
    name: "ours",
    envoyExtAuthzHttp: {
      service: "authorizer.example.com",
      port: 9000,
      timeout: "2s",
      pathPrefix: "/check",
      includeRequestHeadersInCheck: ["x-user"],
      includeAdditionalHeadersInCheck: { "x-from": "mesh" },
      headersToUpstreamOnAllow: ["x-decided-*"],
      headersToDownstreamOnDeny: ["x-reason"],
      includeRequestBodyInCheck: { maxRequestBytes: 1024, allowPartialMessage: true },
    },
  },
  {
    name: "grpc",
    envoyExtAuthzGrpc: {
      service: "default/authorizer.example.com",
      port: 9000,
      failOpen: true,
      statusOnError: "503",
      includeRequestBodyInCheck: { maxRequestBytes: 1024, packAsBytes: true },
    },
  },
];

const meshConfig = {
  ...defaultMeshConfig,
  extensionProviders,
  pathNormalization: "DECODE_AND_MERGE_SLASHES",
} as const;

const server = "sidecar~127.0.0.1~server-1.default~default.svc.cluster.local";
const gateway = "router~127.0.0.1~gateway-1.front~front.svc.cluster.local";

function resourcesOf(text: string, id = server): EnvoyResources {
  const store = createStore({ meshConfig });
  for (const object of parseText(text)) store.apply({ kind: "upsert", object });
  const view = viewOf(store.snapshot(), {
    id,
    metadata: { INTERCEPTION_MODE: "NONE", LABELS: { app: id === gateway ? "gateway" : "server" } },
  });
  return resourcesToJson(translate(view).value) as EnvoyResources; // resources are JSON objects
}

const anyPorts: Ports = { inbound: 8001, app: 8002, authorizer: 8003, gateway: 8004 };

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function get(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on("error", reject)
      .end();
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const good = bearer(a.token({ aud: "shop" }));
const soon = Math.floor(Date.now() / 1000);

/** Starts a proxy with a bootstrap file; resolves when it serves. */
type StartProxy = (file: string) => Promise<Child>;

/** What any proxy must do with policies. */
function policyTests(start: StartProxy): void {
  let folder: string;
  let ports: Ports;
  let proxy: Child | undefined;
  const servers: Server[] = [];

  const listen = (handle: RequestListener): Promise<number> =>
    new Promise((resolve) => {
      const server = createServer(handle);
      servers.push(server);
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)); // listens on TCP
    });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-policies-"));
    const app = await listen(({ headers }, response) => response.end(JSON.stringify(headers)));
    const authorizer = await listen(({ url = "", headers }, response) => {
      const allowed = headers["x-user"] === "alice" && headers["x-from"] === "mesh";
      const told = allowed ? { "x-decided-by": url, "x-other": "1" } : { "x-reason": "no alice" };
      response.writeHead(allowed ? 200 : 401, told).end("decided");
    });
    const [inbound = 0] = await freePorts(1);
    ports = { ...anyPorts, inbound, app, authorizer };
    const file = join(folder, "server.json");
    await writeFile(file, JSON.stringify(toStaticBootstrap(resourcesOf(mesh(ports), server))));
    proxy = await start(file);
  }, 30_000);

  afterAll(async () => {
    await proxy?.stop();
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = (path: string, headers: Record<string, string> = {}) =>
    get(ports.inbound, path, { host: "web", ...headers });

  it.each([
    ["no token", "/open", {}, 200],
    ["a token", "/open", good, 200],
    ["a token of another key", "/open", bearer(stranger.token({ aud: "shop" })), 401],
    ["a token of an unknown issuer", "/open", bearer(new Issuer("https://x.example.com").token()), 401],
    // Envoy knows who it is, but not for us.
    ["a token for somebody else", "/open", bearer(a.token({ aud: "bank" })), 403],
    ["an expired token", "/open", bearer(a.token({ aud: "shop", exp: soon - 3600 })), 401],
    ["a token of tomorrow", "/open", bearer(a.token({ aud: "shop", nbf: soon + 3600 })), 401],
    ["a token that nobody signed", "/open", bearer(forged("none", a)), 401],
    ["a token signed with the public key as a secret", "/open", bearer(forged("HS256", a)), 401],
    ["no token at all", "/open", bearer("garbage"), 401],
    [
      "a token whose keys are not there",
      "/open",
      bearer(new Issuer("https://unfetched.example.com").token()),
      401,
    ],
    ["a token in a header of its own", "/b", { "x-token": `Token ${b.token()}` }, 200],
    ["a token in a parameter", `/b?token=${b.token()}`, {}, 200],
    ["a token in a cookie", "/b", { cookie: `session=${b.token()}` }, 200],
    ["a wrong token in a header of its own", "/open", { "x-token": `Token ${a.token()}` }, 401],
    ["tokens of two issuers", "/any", { ...good, "x-token": `Token ${b.token()}` }, 200],
  ])("answers %s", async (_, path, headers, status) => {
    expect((await ask(path, headers)).status).toBe(status);
  });

  const withClaims = (claims: object) => bearer(a.token({ aud: "shop", ...claims }));
  it.each([
    ["no principal", "/any", {}, 403],
    ["any principal", "/any", good, 200],
    ["another principal", "/b", good, 403],
    ["a claim in a list", "/admin", withClaims({ groups: ["dev", "admin"] }), 200],
    ["a claim that is text", "/admin", withClaims({ groups: "admin" }), 200],
    ["another claim", "/admin", withClaims({ groups: ["dev"] }), 403],
    ["no claim", "/admin", {}, 403],
    ["a claim within a claim", "/nested", withClaims({ realm: { role: "owner" } }), 200],
    ["another claim within a claim", "/nested", withClaims({ realm: { role: "guest" } }), 403],
    ["a claim divided by spaces", "/scope", withClaims({ scope: "read write" }), 200],
    ["a path that nothing allows", "/other", good, 403],
    ["a path that something denies", "/open/secrets", {}, 403],
    ["a host that something denies", "/open", { host: "EVIL.example.com" }, 403],
    ["such a host with a port", "/open", { host: "evil.example.com:80" }, 403],
    ["such a host with a dot at its end", "/open", { host: "evil.example.com." }, 403],
    ["a header that something denies", "/open", { "x-team": "red" }, 403],
    ["a path by its template", "/template/a/end", {}, 200],
    ["a path with too many segments", "/template/a/b/end", {}, 403],
  ])("decides on %s: %s", async (_, path, headers, status) => {
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toBe("RBAC: access denied");
  });

  it.each([
    ["/open/x/../secret", 403],
    ["/open/./secret", 403],
    ["/open/%2e%2e/open/secret", 403],
    ["/open/%73ecret", 403],
    ["/open//secret", 403],
    ["/open%2Fsecret", 403],
    ["/open\\secret", 403],
    ["/open/secret?x=/", 403],
    ["/open/secret#x", 400],
    // Paths are told apart by the case of their letters, as servers do.
    ["/open/Secret", 200],
  ])("is not tricked by the path %s", async (path, status) => {
    expect((await ask(path)).status).toBe(status);
  });

  it("passes on what a token says", async () => {
    const headers = JSON.parse((await ask("/open", good)).body);
    expect(headers).toMatchObject({ "x-subject": "me", authorization: good.authorization });
    expect(JSON.parse(Buffer.from(headers["x-payload"], "base64url").toString())).toMatchObject({
      iss: a.name,
    });
    const other = JSON.parse((await ask("/b", { "x-token": `Token ${b.token()}` })).body);
    expect(other["x-token"]).toBeUndefined();
  });

  it("asks the authorizer, and does as it says", async () => {
    const allowed = await ask("/ext/page", { "x-user": "alice" });
    expect([allowed.status, JSON.parse(allowed.body)]).toMatchObject([
      200,
      { "x-decided-by": "/check/ext/page" },
    ]);
    expect(JSON.parse(allowed.body)).not.toHaveProperty("x-other");
    const denied = await ask("/ext/page", { "x-user": "bob" });
    expect([denied.status, denied.headers["x-reason"], denied.body]).toEqual([401, "no alice", "decided"]);
  });

  describe("as a gateway", () => {
    let port: number;
    let front: Child | undefined;

    beforeAll(async () => {
      [port = 0] = await freePorts(1);
      const file = join(folder, "gateway.json");
      const resources = resourcesOf(mesh({ ...anyPorts, gateway: port }), gateway);
      await writeFile(file, JSON.stringify(toStaticBootstrap(resources)));
      front = await start(file);
    }, 30_000);

    afterAll(async () => {
      await front?.stop();
    });

    it.each([
      ["for strangers", {}],
      ["for me", bearer(b.token())],
      ["for admins", bearer(b.token({ realm: { role: "admin" } }))],
      ["for strangers", bearer(b.token({ sub: "somebody" }))],
    ])("routes by claims: %s", async (body, headers) => {
      const answer = await get(port, "/", { host: "web", ...headers });
      expect([answer.status, answer.body]).toEqual([200, body]);
    });
  });
}

describeWithPeer("envoy", "real Envoy with policies", (envoy) => {
  policyTests((file) => {
    const args = ["-c", file, "-l", "info", "--concurrency", "1", "--use-dynamic-base-id"];
    return startChild(envoy, { args, ready: /starting main dispatch loop/ });
  });

  it.each(["ours", "grpc", "unknown"])(
    "takes what comes of provider %s, for requests and for bytes",
    async (name) => {
      const bytes = mesh(anyPorts).replace("protocol: HTTP, name: http }", "protocol: TCP, name: tcp }");
      for (const text of [mesh(anyPorts), bytes]) {
        const resources = resourcesOf(
          text.replace("provider: { name: ours }", `provider: { name: ${name} }`),
        );
        expect(await envoyViolations(resources as never)).toEqual([]);
      }
    },
  );
});

describe("Weft's proxy with policies", () => {
  policyTests((file) =>
    startChild(process.execPath, {
      args: ["--no-warnings", join(checkout, "apps/proxy/src/main.ts"), "-c", file],
      ready: /"live"/,
    }),
  );
});
