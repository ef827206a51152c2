import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "@weft/base";
import { createInProcessBus } from "@weft/bus";
import {
  type CertificateAuthority,
  type Citadel,
  createCertificateAuthority,
  createCitadel,
  openFolderStorage,
  openRootStore,
  openTokenAuthority,
  type TokenAuthority,
} from "@weft/ca";
import { parseFile } from "@weft/config-sources";
import { formatTrustReport } from "@weft/identity";
import { silentLogger } from "@weft/observability";
import { exportPrivateKey, formatCertificate, generateKeyPair } from "@weft/pki";
import { eventually } from "@weft/testkit";
import type { Pilot } from "../pilot.ts";
import { connectSecurely, type SecureClient, type SecureClientOptions } from "../testing/secure-client.ts";
import { startPilot } from "../testing/start-pilot.ts";

const trustDomain = "cluster.local";
const serverName = "istiod.istio-system.svc";
const pilotAccount = { namespace: "istio-system", serviceAccount: "istiod" };
const web = "spiffe://cluster.local/ns/default/sa/web";
const webNode = "sidecar~10.0.0.9~web-1.default~default.svc.cluster.local";
const hour = 3_600_000;
const bus = createInProcessBus(silentLogger);
const listen = { host: "127.0.0.1", port: 0 };

/** Goes forward when it is told to, besides going on; what it times runs by the real one. */
let ahead = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + ahead };

let folder: string;
let authority: CertificateAuthority;
let tokens: TokenAuthority;
let citadel: Citadel;
let pilot: Pilot;
let become: Awaited<ReturnType<typeof startPilot>>["become"];
const clients: SecureClient[] = [];

const openCa = async (name: string) => {
  const storage = await openFolderStorage(join(folder, name));
  const store = await openRootStore({ storage, trustDomain, ttlMs: 100 * hour, clock: systemClock });
  const source = { kind: "self-signed", store } as const;
  return {
    authority: createCertificateAuthority({ trustDomain, source, clock: systemClock }),
    tokens: await openTokenAuthority({ storage, trustDomain, clock: systemClock }),
  };
};

/** The same authority, by another clock. */
const openTokens = async (by: Clock) =>
  openTokenAuthority({ storage: await openFolderStorage(join(folder, "ca")), trustDomain, clock: by });

const issue = async (uri: string, options: { by?: CertificateAuthority; ttlMs?: number } = {}) => {
  const { by = authority, ttlMs = hour } = options;
  const { privateKey, publicKey } = await generateKeyPair();
  const { certificate } = by.issue({ publicKey, names: { uris: [uri] }, ttlMs });
  return { key: exportPrivateKey(privateKey).expose(), chain: certificate };
};

const tokenOf = async (request: Parameters<TokenAuthority["issue"]>[0], by = tokens) =>
  (await by.issue(request)).expose();

const connect = (options: Partial<SecureClientOptions> = {}) => {
  const address = pilot.addresses.secureGrpc ?? "";
  const roots = authority.bundle().pem;
  const client = connectSecurely({ address, roots, serverName, nodeId: webNode, ...options });
  clients.push(client);
  return client;
};

const mesh = (...names: readonly string[]) =>
  parseFile(
    "mesh.yaml",
    names
      .map(
        (name, index) =>
          `{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: default }, spec: { clusterIP: 10.96.0.${index + 1}, ports: [{ name: http, port: 80 }] } }`,
      )
      .join("\n---\n"),
  ).objects;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weft-secure-"));
  ({ authority, tokens } = await openCa("ca"));
  citadel = await createCitadel({
    authority,
    authenticators: [await tokens.authenticator(["istio-ca"])],
    accountNames: new Map([["istio-system/istiod", [serverName]]]),
    ttl: { defaultMs: hour, maxMs: hour },
    audit: { write: async () => {}, close: async () => {} },
    bus,
    logger: silentLogger,
    grpc: [listen],
    admin: listen,
    monitoring: listen,
    serving: { dns: ["citadel.test"], ips: [] },
  });
  const rootFile = join(folder, "roots.pem");
  const tokenFile = join(folder, "token");
  const writeRoots = () => writeFileSync(rootFile, authority.bundle().pem);
  writeRoots();
  authority.onChange(writeRoots);
  writeFileSync(tokenFile, await tokenOf(pilotAccount));
  const [address = ""] = citadel.addresses.grpc;
  ({ pilot, become } = await startPilot({
    clock,
    bus,
    secure: {
      grpc: listen,
      secrets: {
        kind: "ca",
        ca: { address, rootFile, tokenFile, serverName: "citadel.test" },
        identity: { trustDomain, ...pilotAccount },
        keyKind: { kind: "ecdsa", curve: "P-256" },
        ttlMs: hour,
        graceRatio: 0.5,
        graceJitter: 0,
      },
      authenticators: [await (await openTokens(clock)).authenticator(["istio-ca"])],
    },
  }));
  become(mesh("first"));
  await eventually(() => (pilot.health.waitingFor().length === 0 ? true : undefined));
});
afterEach(async () => {
  ahead = 0;
  for (const client of clients.splice(0)) client.close();
  await eventually(() => (pilot.engine.proxies.all.size === 0 ? true : undefined));
});
afterAll(async () => {
  await pilot.close();
  await citadel.close();
  await bus.close();
  rmSync(folder, { recursive: true });
});

describe("the listener with TLS", () => {
  it("serves a proxy by its certificate, which says whose secrets it may have", async () => {
    const client = connect({
      certificate: await issue(web),
      metadata: { NAMESPACE: "default", SERVICE_ACCOUNT: "web", TRUST_DOMAIN: trustDomain },
    });
    expect(await client.first).toBe("answered");
    const [proxy] = pilot.engine.proxies.all;
    expect(proxy?.connection.identity).toBe(web);
    expect(proxy?.node.verifiedNamespace).toBe("default");
  });

  it("serves a proxy by its token", async () => {
    const token = await tokenOf({ namespace: "default", serviceAccount: "web" });
    expect(await connect({ token }).first).toBe("answered");
    expect([...pilot.engine.proxies.all].map(({ node }) => node.verifiedNamespace)).toContain("default");
  });

  it("takes a good token beside a certificate that is none of this mesh's", async () => {
    const other = await openCa("beside");
    const token = await tokenOf({ namespace: "default", serviceAccount: "web" });
    const certificate = await issue("spiffe://cluster.local/ns/kube-system/sa/admin", {
      by: other.authority,
    });
    expect(await connect({ token, certificate }).first).toBe("answered");
  });

  it("gives a client in plain text no identity, and so no secrets", async () => {
    const client = connectSecurely({ address: pilot.addresses.grpc, serverName, nodeId: webNode });
    clients.push(client);
    expect(await client.first).toBe("answered");
    const [proxy] = pilot.engine.proxies.all;
    expect(proxy?.connection.identity).toBeUndefined();
    expect(proxy?.node.verifiedNamespace).toBeUndefined();
  });

  it.each<[string, () => Promise<Partial<SecureClientOptions>>]>([
    ["no credential", async () => ({})],
    [
      "a certificate of another CA with the same names",
      async () => ({ certificate: await issue(web, { by: (await openCa("foreign")).authority }) }),
    ],
    [
      "a certificate of another trust domain",
      async () => ({ certificate: await issue("spiffe://other/ns/default/sa/web") }),
    ],
    [
      "a certificate that names no workload",
      async () => ({ certificate: await issue("spiffe://cluster.local/web") }),
    ],
    [
      "an expired certificate",
      async () => {
        const certificate = await issue(web);
        ahead = 2 * hour;
        return { certificate };
      },
    ],
    [
      "a token for somebody else",
      async () => ({
        token: await tokenOf({ namespace: "default", serviceAccount: "web", audience: "vault" }),
      }),
    ],
    [
      "an expired token",
      async () => {
        const token = await tokenOf({ namespace: "default", serviceAccount: "web", ttlMs: hour });
        ahead = 2 * hour;
        return { token };
      },
    ],
    [
      "a token of another authority",
      async () => ({
        token: await tokenOf(
          { namespace: "default", serviceAccount: "web" },
          (await openCa("theirs")).tokens,
        ),
      }),
    ],
    ["no token at all behind Bearer", async () => ({ token: "x" })],
  ])("refuses %s", async (_what, options) => {
    expect(await connect(await options()).first).toMatch(/^UNAUTHENTICATED: authentication failure/);
  });

  it.each([
    ["another namespace", "spiffe://cluster.local/ns/other/sa/web", webNode, {}],
    [
      "another service account",
      "spiffe://cluster.local/ns/default/sa/api",
      webNode,
      { SERVICE_ACCOUNT: "web" },
    ],
    ["the metadata's namespace", web, webNode, { NAMESPACE: "other" }],
    ["the domain's namespace", web, "sidecar~10.0.0.9~web-1.default~other.svc.cluster.local", {}],
    ["the metadata's trust domain", web, webNode, { TRUST_DOMAIN: "other" }],
  ])("lets nobody be what its certificate does not say: %s", async (_what, uri, nodeId, metadata) => {
    const client = connect({ certificate: await issue(uri), nodeId, metadata });
    expect(await client.first).toMatch(/^PERMISSION_DENIED: .* but the client proved to be/);
    expect(pilot.engine.proxies.all.size).toBe(0);
  });

  it("lets nobody be what its token does not say", async () => {
    const token = await tokenOf({ namespace: "other", serviceAccount: "web" });
    expect(await connect({ token }).first).toMatch(
      /^PERMISSION_DENIED: namespace of the node id is "default"/,
    );
  });

  it("hears nothing in plain text", async () => {
    const address = pilot.addresses.secureGrpc ?? "";
    const client = connectSecurely({ address, serverName, nodeId: webNode });
    clients.push(client);
    expect(await client.first).toMatch(/^UNAVAILABLE/);
  });

  it("shows a certificate that names pilot, and nobody else", async () => {
    const token = await tokenOf({ namespace: "default", serviceAccount: "web" });
    expect(await connect({ token, serverName: "istio-citadel.istio-system.svc" }).first).toMatch(
      /^UNAVAILABLE/,
    );
    const { authority: other } = await openCa("not-pilots");
    expect(await connect({ token, roots: other.bundle().pem }).first).toMatch(/^UNAVAILABLE/);
  });

  it("knows what proxies say of their roots, of those alone who proved who they are", async () => {
    const report = { roots: ["a".repeat(64)], signedBy: "a".repeat(64), notAfter: 1 };
    const reports = formatTrustReport(report);
    const page = async () => {
      const response = await fetch(`http://${pilot.addresses.http}/debug/trust`);
      return (await response.json()) as { readonly proxies: readonly { readonly trust?: object }[] };
    };
    const client = connect({ certificate: await issue(web), reports });
    expect(await client.first).toBe("answered");
    const { fingerprint } = authority.signer();
    await eventually(async () => ((await page()).proxies[0]?.trust === undefined ? undefined : true));
    expect(await page()).toMatchObject({
      pilot: { proxy: "pilot-1", trust: { roots: [fingerprint], signedBy: fingerprint } },
      proxies: [{ proxy: "web-1.default", identity: web, trust: report }],
    });
    const stranger = connectSecurely({ address: pilot.addresses.grpc, serverName, nodeId: webNode, reports });
    clients.push(stranger);
    expect(await stranger.first).toBe("answered");
    const { proxies } = await page();
    expect(proxies.map(({ trust }) => trust)).toEqual([report, undefined]);
  });

  it("goes on with a stream whose certificate has ended, until it is opened again", async () => {
    const certificate = await issue(web);
    const client = connect({ certificate });
    expect(await client.first).toBe("answered");
    ahead = 2 * hour;
    become(mesh("first", "second"));
    await eventually(() => (client.answers() > 1 ? true : undefined));
    expect(client.ended()).toBe(false);
    expect(await connect({ certificate }).first).toMatch(/^UNAUTHENTICATED/);
  });

  it("takes both roots while the root changes, then the new one alone, and keeps its streams", async () => {
    const before = await issue(web);
    const client = connect({ certificate: before });
    expect(await client.first).toBe("answered");
    const outcome = (options: Partial<SecureClientOptions>) => connect(options).first;
    const until = (options: () => Partial<SecureClientOptions>, wanted: RegExp) =>
      eventually(async () => (wanted.test(await outcome(options())) ? true : undefined));
    await authority.rotate("begin");
    await authority.rotate("switch");
    const after = await issue(web);
    // The roots that clients had before are in the bundle, so that pilot's own certificate is good whichever root signed it.
    await until(() => ({ certificate: after }), /^answered/);
    expect(await outcome({ certificate: before })).toBe("answered");
    // Pilot has been told of the new signer, too: its certificate is good for who knows the new root alone.
    const newRoot = formatCertificate(authority.signer());
    await until(() => ({ certificate: after, roots: newRoot }), /^answered/);
    await authority.rotate("finish");
    await until(() => ({ certificate: before }), /^UNAUTHENTICATED/);
    expect(await outcome({ certificate: after, roots: newRoot })).toBe("answered");
    become(mesh("first", "third"));
    await eventually(() => (client.answers() > 1 ? true : undefined));
    expect(client.ended()).toBe(false);
    // Each step is spread over a second.
  }, 20_000);
});
