import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { typeUrls } from "@weft/envoy-api";
import { readCallCredentials, UpdatableTlsCredentials, type WorkloadSecrets } from "@weft/identity";
import {
  buildCertificate,
  type CaSigner,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  type NamesToWrite,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";
import { accept, createResourceSet, createXdsClient, createXdsServer, type XdsServer } from "@weft/xds";
import { createPilotChannel, type PilotChannelConfig } from "./pilot-channel.ts";

const serverName = "istiod.istio-system.svc";
const times = () => ({ notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 });

async function makeRoot(): Promise<CaSigner> {
  const { privateKey, publicKey } = await generateKeyPair();
  const template = { ...times(), serialNumber: randomSerial(), subject: { commonName: "root" }, publicKey };
  const der = buildCertificate({ ...template, use: { kind: "ca" } }, { kind: "self", key: privateKey });
  return createSigner(parseCertificateDer(der), privateKey);
}

async function makeLeaf(root: CaSigner, names: NamesToWrite): Promise<WorkloadSecrets> {
  const { privateKey, publicKey } = await generateKeyPair();
  const template = { notBefore: root.certificate.notBefore, notAfter: root.certificate.notAfter, names };
  const der = buildCertificate(
    { ...template, serialNumber: randomSerial(), publicKey, use: { kind: "leaf" } },
    root,
  );
  const { serialNumber, notAfter } = parseCertificateDer(der);
  return {
    certificateChain: formatCertificate({ der }),
    privateKey: exportPrivateKey(privateKey),
    roots: formatCertificate(root.certificate),
    name: names.uris?.[0] ?? "",
    serialNumber,
    signedBy: root.certificate.fingerprint,
    notAfter,
  };
}

describe("createPilotChannel()", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-channel-"));
  const rootFile = join(folder, "roots.pem");
  const tokenFile = join(folder, "token");
  const config: PilotChannelConfig = { rootFile, followCa: true, serverName, tokenFile };
  const webNames = { uris: ["spiffe://cluster.local/ns/default/sa/web"] };
  const credentials = new UpdatableTlsCredentials();
  let server: XdsServer;
  let address: string;
  /** What each client has shown. */
  let shown: string[];
  let root: CaSigner;
  let secrets: WorkloadSecrets | undefined;

  const serveBy = async (signer: CaSigner) => {
    const { privateKey, certificateChain, roots } = await makeLeaf(signer, { dns: [serverName] });
    credentials.update({ key: privateKey.expose(), cert: certificateChain, ca: roots });
  };
  const dial = (channel: PilotChannelConfig = config) =>
    new Promise<string>((resolve) => {
      const client = createXdsClient({
        address,
        ...createPilotChannel(channel, () => secrets),
        node: { id: "sidecar~127.0.0.1~web.default~default.svc.cluster.local" },
        onEvent: (event) => {
          if (event.kind === "accepted") return;
          client.close();
          resolve(event.kind === "disconnected" ? event.reason : event.kind);
        },
      });
      client.subscribe(typeUrls.cluster, { names: "*", onUpdate: () => accept });
    });

  beforeAll(async () => {
    server = createXdsServer({
      authenticate: async ({ metadata, authContext }) => {
        const { token, certificate } = readCallCredentials(metadata, authContext);
        const what = [token?.expose(), certificate?.subjectAltNames.uris[0]];
        shown.push(what.filter((one) => one !== undefined).join(" and "));
        return undefined;
      },
      onConnect: (connection) => {
        connection.update(createResourceSet([]));
        return undefined;
      },
    });
    address = `127.0.0.1:${await server.listen("127.0.0.1:0", credentials)}`;
  });
  beforeEach(async () => {
    shown = [];
    secrets = undefined;
    root = await makeRoot();
    await serveBy(root);
    writeFileSync(rootFile, formatCertificate(root.certificate));
    writeFileSync(tokenFile, "the-token\n");
  });
  afterAll(async () => {
    await server.close(0);
    rmSync(folder, { recursive: true });
  });

  it("shows the token until there is a certificate, and then that alone", async () => {
    expect(await dial()).toBe("connected");
    secrets = await makeLeaf(root, webNames);
    expect(await dial()).toBe("connected");
    expect(shown).toEqual(["the-token", webNames.uris[0]]);
  });

  it("trusts the roots that came with the certificate, as the file may be older", async () => {
    const next = await makeRoot();
    await serveBy(next);
    expect(await dial()).toMatch(/^UNAVAILABLE/);
    secrets = await makeLeaf(next, webNames);
    expect(await dial()).toBe("connected");
    expect(await dial({ ...config, followCa: false })).toMatch(/^UNAVAILABLE/);
    // The file is read anew for each stream.
    writeFileSync(rootFile, formatCertificate(next.certificate));
    expect(await dial({ ...config, followCa: false })).toBe("connected");
  });

  it("gives its token to nobody but pilot", async () => {
    expect(await dial({ ...config, serverName: "istio-citadel.istio-system.svc" })).toMatch(/^UNAVAILABLE/);
    await serveBy(await makeRoot());
    expect(await dial()).toMatch(/^UNAVAILABLE/);
    expect(shown).toEqual([]);
  });

  it.each([
    [{ ...config, tokenFile: join(folder, "none") }, /^the token for pilot cannot be read: .*ENOENT/],
    [{ ...config, rootFile: join(folder, "none") }, /^pilot's roots cannot be read: .*ENOENT/],
    [{ ...config, tokenFile: rootFile }, /is empty, too long, or no token$/],
  ])("tries again later where something cannot be read", async (channel, reason) => {
    expect(await dial(channel)).toMatch(reason);
  });
});
