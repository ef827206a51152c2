import { createFakeClock } from "@weft/base";
import {
  type Authenticator,
  authenticate,
  createClientCertificateAuthenticator,
  createOidcAuthenticator,
  createTokenReviewAuthenticator,
  identityOfSubject,
  type TokenReviewStatus,
} from "@weft/identity";
import {
  buildCertificate,
  formatCertificate,
  generateKeyPair,
  parseCertificate,
  parseCertificateDer,
  randomSerial,
  Secret,
  signJwt,
  toJwks,
} from "@weft/pki";
import { createMemoryStorage, createTestAuthority, hour, start } from "../testing/authority.ts";
import { openTokenAuthority } from "./local-token.ts";

const web = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "web" };
const token = new Secret("t");

describe("authenticate()", () => {
  const one = (name: string, authenticate: Authenticator["authenticate"]): Authenticator => ({
    name,
    authenticate,
  });
  const absent = one("absent", async () => ({ kind: "absent" }));
  const no = one("no", async () => ({ kind: "refused", reason: "why" }));
  const broken = one("broken", async () => {
    throw new Error("boom");
  });
  const yes = one("yes", async () => ({ kind: "caller", identity: web }));

  it("takes the first that knows the caller, whatever those before it say", async () => {
    const other = one("other", async () => ({ kind: "caller", identity: { ...web, namespace: "x" } }));
    expect(await authenticate([absent, no, broken, yes, other], {})).toEqual({
      kind: "caller",
      caller: { identity: web, authenticator: "yes" },
    });
  });

  it.each([
    [[], ["no credentials"]],
    [[absent], ["no credentials"]],
    [
      [no, absent, broken],
      ["no: why", "broken: boom"],
    ],
  ])("refuses where nobody does", async (list, reasons) => {
    expect(await authenticate(list, {})).toEqual({ kind: "refused", reasons });
  });
});

describe("identityOfSubject()", () => {
  it("reads a service account", () => {
    expect(identityOfSubject("system:serviceaccount:default:web", "cluster.local")).toEqual(web);
  });

  it.each([
    "",
    "admin",
    "system:serviceaccount:default",
    "system:serviceaccount:default:web:more",
    "system:serviceaccount::web",
    "system:serviceaccount:default:",
    "system:serviceaccount:default/sa/x:web",
    "system:serviceaccount:default:../web",
    "SYSTEM:serviceaccount:default:web",
  ])("refuses %j", (subject) => {
    expect(identityOfSubject(subject, "cluster.local")).toBeUndefined();
  });
});

describe("the local token authority", () => {
  const clock = createFakeClock(start);
  const open = (storage = createMemoryStorage()) =>
    openTokenAuthority({ storage, trustDomain: "cluster.local", clock });

  it("takes its own tokens until they end, also after a restart", async () => {
    const storage = createMemoryStorage();
    const time = createFakeClock(start);
    const tokens = await openTokenAuthority({ storage, trustDomain: "cluster.local", clock: time });
    const issued = await tokens.issue({ namespace: "default", serviceAccount: "web", ttlMs: hour });
    const again = await openTokenAuthority({ storage, trustDomain: "cluster.local", clock: time });
    const { authenticate } = await again.authenticator(["istio-ca"]);
    expect(await authenticate({ token: issued })).toEqual({ kind: "caller", identity: web });
    expect(await authenticate({})).toEqual({ kind: "absent" });
    time.advance(hour + 11_000);
    expect(await authenticate({ token: issued })).toMatchObject({ kind: "refused" });
  });

  it("refuses a token for another audience, of another authority, of another trust domain", async () => {
    const tokens = await open();
    const { authenticate } = await tokens.authenticator(["istio-ca"]);
    const ask = { namespace: "default", serviceAccount: "web" };
    const foreign = await openTokenAuthority({ storage: createMemoryStorage(), trustDomain: "td", clock });
    const bad = [
      await tokens.issue({ ...ask, audience: "kubernetes" }),
      await (await open()).issue(ask),
      await foreign.issue(ask),
    ];
    for (const one of bad) expect(await authenticate({ token: one })).toMatchObject({ kind: "refused" });
  });

  it.each([
    { namespace: "a/b", serviceAccount: "web" },
    { namespace: "a", serviceAccount: "web:x" },
    { namespace: "a", serviceAccount: "web", ttlMs: 0 },
    { namespace: "a", serviceAccount: "web", ttlMs: 25 * hour },
  ])("does not make a token for %j", async (ask) => {
    await expect((await open()).issue(ask)).rejects.toThrow();
  });
});

describe("createOidcAuthenticator()", () => {
  it("takes service accounts of the issuer alone", async () => {
    const { privateKey: key, publicKey } = await generateKeyPair();
    const { keyId, jwks } = toJwks(publicKey);
    const clock = createFakeClock(start);
    const { name, authenticate } = await createOidcAuthenticator({
      trustDomain: "cluster.local",
      issuer: "https://kubernetes.default.svc",
      audiences: ["istio-ca"],
      keys: { kind: "inline", jwks },
      clock,
    });
    const sign = async (change: object) =>
      new Secret(
        await signJwt(
          {
            issuer: "https://kubernetes.default.svc",
            subject: "system:serviceaccount:default:web",
            audiences: ["istio-ca"],
            issuedAt: start,
            notBefore: start,
            expiresAt: start + hour,
            id: "1",
            ...change,
          },
          { key, keyId },
        ),
      );
    expect(name).toBe("oidc");
    expect(await authenticate({ token: await sign({}) })).toEqual({ kind: "caller", identity: web });
    for (const change of [{ subject: "admin" }, { issuer: "https://other" }, { audiences: ["other"] }]) {
      expect(await authenticate({ token: await sign(change) })).toMatchObject({ kind: "refused" });
    }
  });
});

describe("createTokenReviewAuthenticator()", () => {
  const good: TokenReviewStatus = {
    authenticated: true,
    audiences: ["istio-ca"],
    user: { username: "system:serviceaccount:default:web" },
  };
  const review = (status: TokenReviewStatus) =>
    createTokenReviewAuthenticator({
      review: async () => status,
      trustDomain: "cluster.local",
      clock: createFakeClock(),
    });

  it("takes what Kubernetes knows", async () => {
    expect(await review(good).authenticate({ token })).toEqual({ kind: "caller", identity: web });
    expect(await review(good).authenticate({})).toEqual({ kind: "absent" });
  });

  it.each<[string, TokenReviewStatus]>([
    ["unknown", { ...good, authenticated: false }],
    ["nothing said", {}],
    ["error", { ...good, error: "bad" }],
    ["another audience", { ...good, audiences: ["kubernetes"] }],
    ["no audience, as of an old Kubernetes", { ...good, audiences: [] }],
    ["a user", { ...good, user: { username: "admin" } }],
  ])("refuses: %s", async (_name, status) => {
    expect(await review(status).authenticate({ token })).toMatchObject({ kind: "refused" });
  });

  it("refuses when Kubernetes does not answer, and gives up asking", async () => {
    const clock = createFakeClock();
    let aborted = false;
    const { authenticate } = createTokenReviewAuthenticator({
      review: (_token, _audiences, signal) =>
        new Promise(() => signal.addEventListener("abort", () => (aborted = true))),
      trustDomain: "cluster.local",
      clock,
    });
    const result = authenticate({ token });
    clock.advance(5_000);
    expect(await result).toEqual({ kind: "refused", reason: "Kubernetes did not answer within 5000 ms" });
    expect(aborted).toBe(true);
  });
});

describe("createClientCertificateAuthenticator()", () => {
  const issue = async (
    { authority }: Awaited<ReturnType<typeof createTestAuthority>>,
    names: { uris?: readonly string[]; dns?: readonly string[] },
  ) => {
    const { publicKey } = await generateKeyPair();
    return parseCertificate(authority.issue({ publicKey, names, ttlMs: hour }).certificate);
  };
  const uris = ["spiffe://cluster.local/ns/default/sa/web"];

  it("takes a workload's certificate of this CA", async () => {
    const test = await createTestAuthority();
    const { authenticate } = createClientCertificateAuthenticator(test.authority.clients, test.clock);
    const certificate = await issue(test, { uris });
    expect(await authenticate({ certificate })).toEqual({ kind: "caller", identity: web });
    expect(await authenticate({})).toEqual({ kind: "absent" });
    test.clock.advance(hour + 1);
    expect(await authenticate({ certificate })).toMatchObject({ reason: expect.stringContaining("expired") });
  });

  it.each([
    [{ uris: ["spiffe://other/ns/default/sa/web"] }, "trust domain other is not this mesh's"],
    [{ uris: [...uris, "spiffe://cluster.local/ns/default/sa/admin"] }, "2 URIs, allowed is one"],
    [{ dns: ["web.default.svc"] }, "0 URIs, allowed is one"],
    [{ uris: ["spiffe://cluster.local/web"] }, "not of the form"],
  ])("refuses %j", async (names, reason) => {
    const test = await createTestAuthority();
    const { authenticate } = createClientCertificateAuthenticator(test.authority.clients, test.clock);
    expect(await authenticate({ certificate: await issue(test, names) })).toEqual({
      kind: "refused",
      reason: expect.stringContaining(reason),
    });
  });

  it("refuses a certificate of another CA that names itself as this one, and one of a root that was dropped", async () => {
    const [test, other] = [await createTestAuthority(), await createTestAuthority()];
    const { authenticate } = createClientCertificateAuthenticator(test.authority.clients, test.clock);
    expect(await authenticate({ certificate: await issue(other, { uris }) })).toMatchObject({
      kind: "refused",
    });
    const certificate = await issue(test, { uris });
    for (const step of ["begin", "switch"] as const) await test.authority.rotate(step);
    expect(await authenticate({ certificate })).toMatchObject({ kind: "caller" });
    await test.authority.rotate("finish");
    expect(await authenticate({ certificate })).toMatchObject({ kind: "refused" });
  });

  it("refuses a certificate that the workload made itself", async () => {
    const test = await createTestAuthority();
    const { authenticate } = createClientCertificateAuthenticator(test.authority.clients, test.clock);
    const { privateKey, publicKey } = await generateKeyPair();
    const der = buildCertificate(
      {
        serialNumber: randomSerial(),
        names: { uris },
        notBefore: start - hour,
        notAfter: start + hour,
        publicKey,
        use: { kind: "leaf" },
      },
      { kind: "self", key: privateKey },
    );
    const certificate = parseCertificate(formatCertificate(parseCertificateDer(der)));
    expect(await authenticate({ certificate })).toMatchObject({ kind: "refused" });
  });
});
