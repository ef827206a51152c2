import { execFileSync } from "node:child_process";
import type { Authenticator } from "@weft/identity";
import { silentLogger } from "@weft/observability";
import {
  createCsr,
  formatWorkloadIdentity,
  generateKeyPair,
  maxCsrBytes,
  parseCertificate,
  Secret,
} from "@weft/pki";
import { createRecorder } from "./audit/recorder.ts";
import {
  type CertificateServiceOptions,
  createCertificateService,
  type Failure,
} from "./certificate-service.ts";
import type { CaError } from "./error.ts";
import { createMemoryAudit, createTestAuthority, csrFor, hour, start } from "./testing/authority.ts";

const td = "cluster.local";
const web = { trustDomain: td, namespace: "default", serviceAccount: "web" };
const webId = formatWorkloadIdentity(web);
const node = { trustDomain: td, namespace: "istio-system", serviceAccount: "ztunnel" };
const minute = 60_000;
const wide = { perSecond: 1_000, burst: 1_000 };

/** A service whose caller is whoever the token names: `default/web`. */
async function createTestService(options: Partial<CertificateServiceOptions> & { rootTtlMs?: number } = {}) {
  const test = await createTestAuthority(
    options.rootTtlMs === undefined ? {} : { rootTtlMs: options.rootTtlMs },
  );
  const audit = createMemoryAudit();
  const failures: Failure[] = [];
  const authenticator: Authenticator = {
    name: "test",
    authenticate: async ({ token }) => {
      if (token === undefined) return { kind: "absent" };
      const [namespace = "", serviceAccount = ""] = token.expose().split("/");
      return { kind: "caller", identity: { trustDomain: td, namespace, serviceAccount } };
    },
  };
  const { authority, clock } = test;
  const service = createCertificateService({
    authority,
    authenticators: [authenticator],
    impersonation: { accounts: [] },
    ttl: { defaultMs: 24 * hour, maxMs: 48 * hour },
    limits: { perPeer: wide, overall: wide, perIdentity: wide },
    recorder: createRecorder({ log: audit, logger: silentLogger, clock }),
    clock,
    onFailure: (failure) => failures.push(failure),
    ...options,
  });
  const ask = async (
    more: Partial<Parameters<typeof service.createCertificate>[0]> & { as?: string } = {},
  ) => {
    const { as = "default/web", ...rest } = more;
    return service.createCertificate({
      csr: await csrFor(),
      validitySeconds: 0,
      credentials: as === "" ? {} : { token: new Secret(as) },
      peer: "127.0.0.1:1",
      ...rest,
    });
  };
  /** What a request is refused with. */
  const refusal = async (more: Parameters<typeof ask>[0]) => {
    const error = (await ask(more).then(
      () => undefined,
      (caught: unknown) => caught,
    )) as CaError | undefined;
    return { code: error?.code, message: error?.message };
  };
  return { ...test, service, audit, failures, ask, refusal };
}

describe("createCertificate()", () => {
  it("signs the caller's identity, and writes it down before it gives the certificate out", async () => {
    const { ask, audit, failures } = await createTestService();
    const { publicKey, privateKey } = await generateKeyPair();
    const issued = await ask({
      csr: createCsr({ publicKey, privateKey }, { subject: { commonName: "admin" } }),
    });
    const certificate = parseCertificate(issued.certificate);
    expect(certificate.subjectAltNames).toEqual({ uris: [webId], dns: [], ips: [], emails: [], others: 0 });
    expect(certificate.subject).toBe("");
    expect(certificate.publicKey.equals(publicKey)).toBe(true);
    expect(certificate.notBefore).toBe(start - 2 * minute);
    expect(certificate.notAfter).toBe(start + 24 * hour);
    expect(issued).toMatchObject({
      serialNumber: certificate.serialNumber,
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
    });
    expect(audit.entries).toEqual([
      {
        event: "issued",
        time: start,
        identity: webId,
        caller: webId,
        authenticator: "test",
        serialNumber: certificate.serialNumber,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
        peer: "127.0.0.1:1",
      },
    ]);
    expect(failures).toEqual([]);
  });

  it("takes a CSR that asks for what the caller is, and OpenSSL's", async () => {
    const { ask } = await createTestService();
    await expect(ask({ csr: await csrFor(webId) })).resolves.toBeDefined();
    const openssl = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/O=x"];
    const csr = execFileSync("openssl", openssl, { encoding: "utf8", stdio: "pipe" });
    const { certificate } = await ask({ csr });
    expect(parseCertificate(certificate).subjectAltNames.uris).toEqual([webId]);
  });

  it.each([
    ["another service account", { uris: ["spiffe://cluster.local/ns/default/sa/admin"] }],
    ["another namespace", { uris: ["spiffe://cluster.local/ns/kube-system/sa/web"] }],
    ["another trust domain", { uris: ["spiffe://other/ns/default/sa/web"] }],
    ["a second identity", { uris: [webId, "spiffe://cluster.local/ns/default/sa/admin"] }],
    ["its own in capitals", { uris: [webId.replace("web", "WEB")] }],
    ["a DNS name", { uris: [webId], dns: ["istiod.istio-system.svc"] }],
    ["an address", { ips: ["10.0.0.1"] }],
  ])("refuses a CSR for another identity: %s", async (_name, names) => {
    const { refusal, audit, failures } = await createTestService();
    const csr = createCsr(await generateKeyPair(), { names });
    const { code, message } = await refusal({ csr });
    expect(code).toBe("invalid-request");
    expect(message).toContain(`allowed is ${webId} alone`);
    expect(audit.entries).toMatchObject([{ event: "refused", caller: webId, reason: message }]);
    expect(failures).toEqual(["identity"]);
  });

  it("refuses a CSR for a CA", async () => {
    const { refusal } = await createTestService();
    const openssl = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", "/O=x"];
    const csr = execFileSync("openssl", [...openssl, "-addext", "basicConstraints=critical,CA:TRUE"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(await refusal({ csr })).toMatchObject({
      message: expect.stringContaining("asks for a CA certificate"),
    });
  });

  it.each([
    ["none", "", "no CSR given"],
    ["rubbish", "x", "expected one PEM block"],
    ["too large", "x".repeat(maxCsrBytes + 1), `allowed are ${maxCsrBytes}`],
  ])("refuses a CSR: %s", async (_name, csr, why) => {
    const { refusal, failures } = await createTestService();
    const { code, message } = await refusal({ csr });
    expect(code).toBe("invalid-request");
    expect(message).toContain(why);
    expect(failures).toEqual(["csr"]);
  });

  it("refuses a CSR that another key signed", async () => {
    const { refusal } = await createTestService();
    const [mine, theirs] = [await generateKeyPair(), await generateKeyPair()];
    const csr = createCsr({ publicKey: theirs.publicKey, privateKey: mine.privateKey });
    expect(await refusal({ csr })).toMatchObject({ message: "the request is not signed by the key in it" });
  });

  it("tells a caller that it does not know nothing, and the audit log why", async () => {
    const { refusal, audit, failures } = await createTestService();
    expect(await refusal({ as: "" })).toEqual({
      code: "unauthenticated",
      message: "request authenticate failure",
    });
    expect(audit.entries).toEqual([
      { event: "refused", time: start, reason: "no credentials", peer: "127.0.0.1:1" },
    ]);
    expect(failures).toEqual(["authentication"]);
  });

  it("refuses a signer that there is not", async () => {
    const { refusal } = await createTestService();
    expect(await refusal({ certSigner: "x" })).toMatchObject({
      message: expect.stringContaining('no signer "x"'),
    });
  });

  describe("lifetimes", () => {
    it.each([
      [0, 24 * hour],
      [-5, 24 * hour],
      [60, minute],
      [48 * 3_600, 48 * hour],
    ])("%d s asked for: %d ms", async (validitySeconds, ttlMs) => {
      const { ask } = await createTestService();
      expect((await ask({ validitySeconds })).notAfter).toBe(start + ttlMs);
    });

    it.each([48 * 3_600 + 1, Number.MAX_SAFE_INTEGER])("refuses %d s", async (validitySeconds) => {
      const { refusal } = await createTestService();
      expect(await refusal({ validitySeconds })).toMatchObject({
        code: "invalid-request",
        message: expect.stringContaining("allowed are 172800"),
      });
    });

    it("never outlives the CA, and ends before it", async () => {
      const { ask, refusal, clock } = await createTestService({ rootTtlMs: 10 * hour });
      expect((await ask()).notAfter).toBe(start + 10 * hour);
      clock.advance(10 * hour - minute + 1);
      expect(await refusal({})).toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("ends at"),
      });
    });
  });

  describe("impersonation", () => {
    const impersonation = { accounts: ["istio-system/ztunnel"] };
    const as = "istio-system/ztunnel";

    it("lets a trusted node account ask for a workload", async () => {
      const { ask, audit } = await createTestService({ impersonation });
      const issued = await ask({ as, impersonatedIdentity: webId, csr: await csrFor(webId) });
      expect(parseCertificate(issued.certificate).subjectAltNames.uris).toEqual([webId]);
      expect(audit.entries).toMatchObject([{ identity: webId, caller: formatWorkloadIdentity(node) }]);
    });

    it.each([
      ["by others", "default/web", "spiffe://cluster.local/ns/default/sa/admin"],
      ["of another trust domain", as, "spiffe://other/ns/default/sa/web"],
      ["of what is no workload", as, "spiffe://cluster.local/web"],
      ["of rubbish", as, "x"],
    ])("refuses it %s", async (_name, caller, impersonatedIdentity) => {
      const { refusal, failures } = await createTestService({ impersonation });
      const { code, message } = await refusal({ as: caller, impersonatedIdentity });
      expect(code).toBe("unauthenticated");
      expect(message).toMatch(/^impersonation refused: /);
      expect(failures).toEqual(["authentication"]);
    });

    it("gives the names of the control plane's accounts to themselves alone", async () => {
      const accountNames = new Map([["default/web", ["web.default.svc"]]]);
      const { ask } = await createTestService({ impersonation, accountNames });
      const namesIn = ({ certificate }: { readonly certificate: string }) =>
        parseCertificate(certificate).subjectAltNames;
      expect(namesIn(await ask())).toMatchObject({ uris: [webId], dns: ["web.default.svc"] });
      expect(namesIn(await ask({ as: "default/other" })).dns).toEqual([]);
      expect(namesIn(await ask({ as, impersonatedIdentity: webId }))).toMatchObject({
        uris: [webId],
        dns: [],
      });
    });

    it("asks the policy besides", async () => {
      const allows = async (_caller: object, wanted: { serviceAccount: string }) =>
        wanted.serviceAccount === "web";
      const { ask, refusal } = await createTestService({ impersonation: { ...impersonation, allows } });
      await expect(ask({ as, impersonatedIdentity: webId })).resolves.toBeDefined();
      const other = "spiffe://cluster.local/ns/default/sa/other";
      expect(await refusal({ as, impersonatedIdentity: other })).toMatchObject({ code: "unauthenticated" });
    });
  });

  describe("limits", () => {
    it("hold one identity back, and not the others", async () => {
      const limits = { perPeer: wide, overall: wide, perIdentity: { perSecond: 1, burst: 2 } };
      const { ask, refusal, clock, failures } = await createTestService({ limits });
      await ask();
      await ask();
      expect(await refusal({})).toMatchObject({ code: "limited", message: expect.stringContaining(webId) });
      await expect(ask({ as: "default/other" })).resolves.toBeDefined();
      clock.advance(1_000);
      await expect(ask()).resolves.toBeDefined();
      expect(failures).toEqual(["limited"]);
    });

    it("hold a stranger's address back, from whatever port, and not the others", async () => {
      const limits = { perPeer: { perSecond: 1, burst: 2 }, overall: wide, perIdentity: wide };
      const { ask, refusal } = await createTestService({ limits });
      const stranger = { as: "", csr: "x" };
      for (const port of [1, 2]) {
        expect(await refusal({ ...stranger, peer: `10.0.0.1:${port}` })).toMatchObject({
          code: "unauthenticated",
        });
      }
      expect(await refusal({ ...stranger, peer: "10.0.0.1:3" })).toMatchObject({ code: "limited" });
      await expect(ask({ peer: "10.0.0.2:1" })).resolves.toBeDefined();
    });

    it("hold all back together, before anything is looked at", async () => {
      const limits = { perPeer: wide, overall: { perSecond: 1, burst: 1 }, perIdentity: wide };
      const { ask, refusal } = await createTestService({ limits });
      await ask();
      expect(await refusal({ as: "" })).toMatchObject({ code: "limited" });
    });
  });

  it("gives no certificate out that is not in the audit log", async () => {
    const { refusal, audit, failures } = await createTestService();
    audit.fail = true;
    expect(await refusal({})).toEqual({
      code: "unavailable",
      message: "the audit log cannot be written: no certificate is given out",
    });
    expect(failures).toEqual(["signing"]);
  });
});
