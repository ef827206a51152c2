import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { systemClock } from "@weft/base";
import { type BusEvent, createInProcessBus } from "@weft/bus";
import { createClientCertificateAuthenticator } from "@weft/identity";
import { CertificateAuthorityService, RotationPhase, RotationStep } from "@weft/mesh-rpc";
import { silentLogger } from "@weft/observability";
import {
  createCsr,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  type KeyPair,
  parseCertificate,
  Secret,
  verifyChain,
} from "@weft/pki";
import { openTokenAuthority, type TokenAuthority } from "./authenticate/local-token.ts";
import { type CertificateAuthority, createCertificateAuthority } from "./authority.ts";
import { type Citadel, createCitadel } from "./citadel.ts";
import { openRootStore } from "./root/store.ts";
import { createMemoryAudit, createMemoryStorage, hour } from "./testing/authority.ts";
import { callCreateCertificate, type GrpcCallOptions } from "./testing/grpc-client.ts";

const trustDomain = "cluster.local";
const any = { host: "127.0.0.1", port: 0 };
const webId = "spiffe://cluster.local/ns/default/sa/web";

describe("createCitadel()", () => {
  let citadel: Citadel;
  let authority: CertificateAuthority;
  let tokens: TokenAuthority;
  let keys: KeyPair;
  let events: BusEvent[];
  let audit: ReturnType<typeof createMemoryAudit>;
  const clock = systemClock;

  beforeEach(async () => {
    const storage = createMemoryStorage();
    const store = await openRootStore({ storage, trustDomain, ttlMs: 1_000 * hour, clock });
    authority = createCertificateAuthority({ trustDomain, source: { kind: "self-signed", store }, clock });
    tokens = await openTokenAuthority({ storage, trustDomain, clock });
    keys = await generateKeyPair();
    audit = createMemoryAudit();
    events = [];
    const bus = createInProcessBus(silentLogger);
    bus.subscribe("weft.pki.>", (event) => {
      events.push(event);
    });
    citadel = await createCitadel({
      authority,
      authenticators: [
        createClientCertificateAuthenticator(authority.clients, clock),
        await tokens.authenticator(["istio-ca"]),
      ],
      impersonation: { accounts: ["istio-system/node"] },
      ttl: { defaultMs: 24 * hour, maxMs: 90 * 24 * hour },
      audit,
      bus,
      logger: silentLogger,
      grpc: [any, any],
      admin: any,
      monitoring: any,
      serving: { dns: ["localhost", "istiod.istio-system.svc"], ips: ["127.0.0.1"] },
      clock,
    });
  });
  afterEach(() => citadel.close());

  const tokenFor = (serviceAccount: string, namespace = "default") =>
    tokens.issue({ namespace, serviceAccount });
  const call = (more: Partial<GrpcCallOptions> = {}) =>
    callCreateCertificate({
      address: citadel.addresses.grpc[0] ?? "",
      roots: authority.bundle().pem,
      csr: createCsr(keys, { names: { uris: [webId] } }),
      ...more,
    });
  const metrics = async () => (await fetch(`http://${citadel.addresses.monitoring}/metrics`)).text();
  const admin = () =>
    createClient(
      CertificateAuthorityService,
      createConnectTransport({ baseUrl: `http://${citadel.addresses.admin}`, httpVersion: "1.1" }),
    );

  it("gives a certificate for a token on both ports, as Istio's agent wants it", async () => {
    for (const address of citadel.addresses.grpc) {
      const [leaf = "", root = "", ...rest] = await call({ address, token: await tokenFor("web") });
      expect(rest).toEqual([]);
      expect(root).toBe(authority.bundle().pem);
      const certificate = parseCertificate(leaf);
      expect(certificate.subjectAltNames.uris).toEqual([webId]);
      const { roots } = authority.bundle();
      verifyChain(certificate, { roots, intermediates: [], now: clock.now(), purpose: "server" });
    }
    expect(audit.entries).toHaveLength(2);
    expect(await metrics()).toContain("\ncitadel_server_success_cert_issuance_count 2\n");
  });

  it("serves TLS, and gives certificates, that OpenSSL verifies", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-citadel-"));
    const openssl = (...args: string[]) =>
      new Promise<string>((resolve, reject) => {
        const child = execFile("openssl", args, { cwd: folder, timeout: 5_000 }, (error, stdout, stderr) =>
          error === null ? resolve(stdout) : reject(new Error(`${stdout}${stderr}`)),
        );
        child.stdin?.end();
      });
    const [leaf = "", root = ""] = await call({ token: await tokenFor("web") });
    writeFileSync(join(folder, "leaf.pem"), leaf);
    writeFileSync(join(folder, "root.pem"), root);
    expect(await openssl("verify", "-x509_strict", "-CAfile", "root.pem", "leaf.pem")).toContain(
      "leaf.pem: OK",
    );
    const name = "istiod.istio-system.svc";
    const [address = ""] = citadel.addresses.grpc;
    const session = await openssl(
      ...["s_client", "-connect", address, "-servername", name, "-verify_hostname", name],
      ...["-CAfile", "root.pem", "-verify_return_error", "-alpn", "h2"],
    );
    expect(session).toContain("Verify return code: 0 (ok)");
    expect(session).toContain("ALPN protocol: h2");
    rmSync(folder, { recursive: true });
  });

  it("renews by the certificate that it gave, without a token", async () => {
    const [cert = ""] = await call({ token: await tokenFor("web") });
    const client = { key: exportPrivateKey(keys.privateKey).expose(), cert };
    const next = await generateKeyPair();
    const [renewed = ""] = await call({ client, csr: createCsr(next), validitySeconds: 60n });
    expect(parseCertificate(renewed)).toMatchObject({ subjectAltNames: { uris: [webId] } });
    expect(audit.entries[1]).toMatchObject({ authenticator: "client-certificate" });
    // The certificate says who may have what: not the CSR.
    const csr = createCsr(next, { names: { uris: ["spiffe://cluster.local/ns/default/sa/admin"] } });
    await expect(call({ client, csr })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it("refuses a client certificate of another CA, even one that names itself alike", async () => {
    const storage = createMemoryStorage();
    const store = await openRootStore({ storage, trustDomain, ttlMs: hour, clock });
    const other = createCertificateAuthority({ trustDomain, source: { kind: "self-signed", store }, clock });
    const issued = other.issue({ publicKey: keys.publicKey, names: { uris: [webId] }, ttlMs: hour });
    const client = { key: exportPrivateKey(keys.privateKey).expose(), cert: issued.certificate };
    await expect(call({ client })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
      details: "request authenticate failure",
    });
  });

  it("refuses callers without a token, with a broken or foreign one, or with another scheme, and says no more", async () => {
    const foreign = await openTokenAuthority({ storage: createMemoryStorage(), trustDomain, clock });
    const good = (await tokenFor("web")).expose();
    const attempts: Partial<GrpcCallOptions>[] = [
      {},
      { token: new Secret("x") },
      { token: await tokens.issue({ namespace: "default", serviceAccount: "web", audience: "other" }) },
      { token: await foreign.issue({ namespace: "default", serviceAccount: "web" }) },
      { headers: [["authorization", `Basic ${good}`]] },
    ];
    for (const attempt of attempts) {
      await expect(call(attempt)).rejects.toMatchObject({
        code: status.UNAUTHENTICATED,
        details: "request authenticate failure",
      });
    }
    expect(await metrics()).toContain(`\ncitadel_server_authentication_failure_count ${attempts.length}\n`);
    expect(audit.entries.every(({ event }) => event === "refused")).toBe(true);
    expect(JSON.stringify(audit.entries)).not.toContain(good.split(".")[2]);
  });

  it("refuses a stolen token's use for another namespace", async () => {
    const csr = createCsr(keys, { names: { uris: [webId] } });
    await expect(call({ csr, token: await tokenFor("web", "other") })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining("allowed is spiffe://cluster.local/ns/other/sa/web alone"),
    });
  });

  it("reads Istio's metadata: impersonation by node accounts, no other signers", async () => {
    const token = await tokenFor("node", "istio-system");
    const [leaf = ""] = await call({ token, metadata: { ImpersonatedIdentity: webId } });
    expect(parseCertificate(leaf).subjectAltNames.uris).toEqual([webId]);
    await expect(
      call({ token: await tokenFor("other"), metadata: { ImpersonatedIdentity: webId } }),
    ).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(call({ token, metadata: { CertSigner: "x" } })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  it("refuses what is too large or asks for too long", async () => {
    const token = await tokenFor("web");
    await expect(call({ token, csr: "x".repeat(17_000) })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    await expect(call({ token, csr: "x".repeat(100_000) })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    await expect(call({ token, validitySeconds: 2n ** 62n })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  it("serves with a certificate of its own, and with a new signer's after a rotation", async () => {
    const [host = "", port] = citadel.addresses.grpc[0]?.split(":") ?? [];
    const issuerSeen = async (ca: string) => {
      const socket = connect({
        host,
        port: Number(port),
        ca,
        servername: "istiod.istio-system.svc",
        ALPNProtocols: ["h2"],
      });
      await once(socket, "secureConnect");
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      return certificate?.issuer.replace("\n", ", ");
    };
    const old = authority.bundle().pem;
    expect(await issuerSeen(old)).toBe(authority.signer().subject);
    await authority.rotate("begin");
    await authority.rotate("switch");
    const renewed = authority.signer().subject;
    // The certificate is made off the event loop: its key takes a moment.
    let seen = await issuerSeen(authority.bundle().pem);
    for (let tries = 0; seen !== renewed && tries < 200; tries++) {
      await new Promise((resolve) => setImmediate(resolve));
      seen = await issuerSeen(authority.bundle().pem);
    }
    expect(seen).toBe(renewed);
    const [leaf = ""] = await call({ token: await tokenFor("web") });
    expect(parseCertificate(leaf).issuer).toBe(renewed);
    await authority.rotate("finish");
    expect(authority.bundle().pem).not.toContain(old);
    // Two changes of the bundle, and the switch, after which certificates of the new root are to be had.
    expect(events.map(({ subject }) => subject)).toEqual([
      "weft.pki.v1.root_bundle_changed",
      "weft.pki.v1.root_bundle_changed",
      "weft.pki.v1.root_bundle_changed",
    ]);
    expect(events.at(-1)?.payload).toMatchObject({ trustDomain, version: authority.bundle().version });
  });

  it("tells the administration what it is and what it issued", async () => {
    await call({ token: await tokenFor("web") });
    await call({ token: await tokenFor("api"), csr: createCsr(keys) });
    const info = await admin().getInfo({});
    expect(info).toMatchObject({
      trustDomain,
      selfSigned: true,
      rotationPhase: RotationPhase.STABLE,
      defaultTtlSeconds: 86_400n,
      signer: { fingerprint: authority.signer().fingerprint },
    });
    expect(await admin().getRootBundle({})).toMatchObject({
      pem: authority.bundle().pem,
      version: authority.bundle().version,
    });
    const all = await admin().listIssued({});
    expect(all.certificates.map(({ identity }) => identity)).toEqual([
      "spiffe://cluster.local/ns/default/sa/api",
      webId,
    ]);
    const some = await admin().listIssued({ identity: webId, limit: 5 });
    expect(some).toMatchObject({
      remembered: 2,
      certificates: [{ identity: webId, authenticator: "local-token" }],
    });
    await expect(admin().listIssued({ limit: 1_001 })).rejects.toThrow("allowed are up to 1000");
  });

  it("changes its root step by step, for who has seen what it changes", async () => {
    const { signer } = await admin().getInfo({});
    const take = (step: RotationStep, signerFingerprint = authority.signer().fingerprint) =>
      admin().takeRotationStep({ step, signerFingerprint });
    expect(await take(RotationStep.BEGIN)).toMatchObject({
      rotationPhase: RotationPhase.DISTRIBUTING,
      signer: { fingerprint: signer?.fingerprint },
      roots: [expect.anything(), expect.anything()],
    });
    await expect(take(RotationStep.BEGIN)).rejects.toThrow("begin: the rotation is distributing");
    await expect(take(RotationStep.SWITCH, "0".repeat(64))).rejects.toThrow("somebody else changes the root");
    await expect(take(RotationStep.UNSPECIFIED)).rejects.toThrow("allowed are begin, switch");
    expect(authority.rotation()).toBe("distributing");
    // Whatever signs comes first, so that files of the roots change with it.
    const before = authority.rootsPem();
    expect(await take(RotationStep.SWITCH)).toMatchObject({ rotationPhase: RotationPhase.SWITCHED });
    expect(authority.rootsPem()).not.toBe(before);
    expect(authority.rootsPem().startsWith(formatCertificate(authority.signer()))).toBe(true);
    await expect(take(RotationStep.FINISH, signer?.fingerprint ?? "")).rejects.toThrow("somebody else");
    expect(await take(RotationStep.FINISH)).toMatchObject({ roots: [expect.anything()] });
  });

  it("keeps its administration to this machine", async () => {
    const url = `http://${citadel.addresses.admin}/weft.ca.v1.CertificateAuthorityService/GetInfo`;
    const port = Number(new URL(url).port);
    const { request } = await import("node:http");
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      request({
        host: "127.0.0.1",
        port,
        path: new URL(url).pathname,
        method: "POST",
        headers: { host: "evil.example" },
      })
        .on("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        })
        .on("error", reject)
        .end();
    });
    expect(answer).toBe(421);
    const { createAdminServer } = await import("./serve/admin-server.ts");
    await expect(createAdminServer({ host: "", port: 0, routes: () => {} })).rejects.toThrow(
      "administration on all addresses: allowed are 127.0.0.1",
    );
  });

  it("lets accounts that are listed administer from elsewhere, and nobody else", async () => {
    const { createAdminServer } = await import("./serve/admin-server.ts");
    const { request } = await import("node:https");
    const ttlMs = hour;
    const issue = async (
      names: { readonly uris?: readonly string[]; readonly dns?: readonly string[] },
      from = authority,
    ) => {
      const { privateKey, publicKey } = await generateKeyPair();
      const { certificate } = from.issue({ publicKey, names, ttlMs });
      return { cert: certificate, key: exportPrivateKey(privateKey).expose() };
    };
    const account = (namespace: string, name: string, from?: CertificateAuthority) =>
      issue({ uris: [`spiffe://${trustDomain}/ns/${namespace}/sa/${name}`] }, from);
    const store = await openRootStore({
      storage: createMemoryStorage(),
      trustDomain,
      ttlMs: 1_000 * hour,
      clock,
    });
    const foreign = createCertificateAuthority({
      trustDomain,
      source: { kind: "self-signed", store },
      clock,
    });
    const ca = authority.bundle().pem;
    const server = await createAdminServer({
      host: "0.0.0.0",
      port: 0,
      routes: () => {},
      tls: {
        context: await issue({ dns: ["localhost"] }),
        authenticator: createClientCertificateAuthenticator(authority.clients, clock),
        accounts: ["istio-system/admin"],
      },
    });
    try {
      const status = (credentials: object) =>
        new Promise<number | undefined>((resolve, reject) => {
          request({
            host: "127.0.0.1",
            port: server.port,
            servername: "localhost",
            path: "/",
            ca,
            agent: false,
            ...credentials,
          })
            .on("response", (answer) => resolve(answer.resume().statusCode))
            .on("error", reject)
            .end();
        });
      expect(await status({})).toBe(401);
      expect(await status(await account("istio-system", "admin", foreign))).toBe(401);
      expect(await status(await account("default", "admin"))).toBe(403);
      // There is nothing at this path, which only who may administer is told.
      expect(await status(await account("istio-system", "admin"))).toBe(404);
      server.update(await issue({ dns: ["localhost"] }));
      expect(await status(await account("istio-system", "admin"))).toBe(404);
    } finally {
      await server.close();
    }
  });

  it("says when its certificates end, and that it is ready until it is closed", async () => {
    const text = await metrics();
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    expect(value("citadel_server_root_cert_expiry_timestamp")).toBe(authority.signer().notAfter / 1000);
    expect(value("citadel_server_root_cert_expiry_seconds")).toBeGreaterThan(999 * 3_600);
    expect(value("citadel_server_cert_chain_expiry_seconds")).toBeGreaterThan(999 * 3_600);
    for (const name of [
      "csr_count",
      "csr_parsing_err_count",
      "csr_sign_err_count",
      "id_extraction_err_count",
    ]) {
      expect(text).toContain(`\ncitadel_server_${name} 0\n`);
    }
    expect(await (await fetch(`http://${citadel.addresses.monitoring}/ready`)).text()).toBe("ready\n");
    await citadel.close();
    await expect(fetch(`http://${citadel.addresses.monitoring}/ready`)).rejects.toThrow();
    await citadel.close();
  });
});
