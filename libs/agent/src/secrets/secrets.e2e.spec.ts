import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type DetailedPeerCertificate } from "node:tls";
import { fromBinary } from "@bufbuild/protobuf";
import { systemClock } from "@weft/base";
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
import { typeUrls } from "@weft/envoy-api";
import { SecretSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { type Logger, silentLogger } from "@weft/observability";
import { parseCertificates } from "@weft/pki";
import { type Child, describeWithPeer, eventually, freePorts, startChild } from "@weft/testkit";
import { accept, createXdsClient, type XdsClient } from "@weft/xds";
import { sdsCluster } from "../bootstrap/clusters.ts";

import { type Secrets, startSecrets } from "./secrets.ts";

const trustDomain = "cluster.local";
const webId = "spiffe://cluster.local/ns/default/sa/web";
const day = 86_400_000;
const clock = systemClock;

let folder: string;
let authority: CertificateAuthority;
let tokens: TokenAuthority;
let citadel: Citadel;
let caPort: number;
let secrets: Secrets | undefined;
let said: string[];

const fileOf = (name: string) => join(folder, name);

async function startCa() {
  const any = { host: "127.0.0.1", port: 0 };
  citadel = await createCitadel({
    authority,
    authenticators: [await tokens.authenticator(["istio-ca"])],
    ttl: { defaultMs: day, maxMs: day },
    audit: { write: async () => {}, close: async () => {} },
    bus: createInProcessBus(silentLogger),
    logger: silentLogger,
    grpc: [{ host: "127.0.0.1", port: caPort }],
    admin: any,
    monitoring: any,
    serving: { dns: ["localhost"], ips: [] },
  });
}

const log = (details: object, message: string) => said.push(`${message} ${JSON.stringify(details)}`);
const logger = { info: log, warn: log, error: log } as unknown as Logger;

async function start(ttlMs: number, serviceAccount = "web") {
  secrets = await startSecrets({
    config: {
      kind: "ca",
      ca: {
        address: `localhost:${caPort}`,
        rootFile: fileOf("root.pem"),
        tokenFile: fileOf("token"),
      },
      identity: { trustDomain, namespace: "default", serviceAccount },
      keyKind: { kind: "ecdsa", curve: "P-256" },
      ttlMs,
      graceRatio: 0.5,
      graceJitter: 0,
    },
    socket: fileOf("sds"),
    logger,
    clock,
    random: Math.random,
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "weft-sds-"));
  said = [];
  const storage = await openFolderStorage(fileOf("ca"));
  const store = await openRootStore({ storage, trustDomain, ttlMs: 30 * day, clock });
  authority = createCertificateAuthority({ trustDomain, source: { kind: "self-signed", store }, clock });
  tokens = await openTokenAuthority({ storage, trustDomain, clock });
  writeFileSync(fileOf("root.pem"), authority.bundle().pem);
  const token = await tokens.issue({ namespace: "default", serviceAccount: "web" });
  writeFileSync(fileOf("token"), token.expose());
  [caPort = 0] = await freePorts(1);
  await startCa();
});
afterEach(async () => {
  await secrets?.close();
  secrets = undefined;
  await citadel.close();
  rmSync(folder, { recursive: true });
});

describe("startSecrets() with citadel", () => {
  let client: XdsClient | undefined;
  afterEach(() => client?.close());

  /** What a proxy has by now. */
  function subscribe(mode: "sotw" | "delta") {
    const seen = new Map<string, string>();
    const address = `unix:${fileOf("sds")}`;
    client = createXdsClient({ address, node: { id: "test" }, mode, service: "secrets" });
    client.subscribe(typeUrls.secret, {
      names: ["default", "ROOTCA"],
      onUpdate: ({ changed }) => {
        for (const [name, { value }] of changed) {
          const { type } = fromBinary(SecretSchema, value);
          const source =
            type.case === "tlsCertificate"
              ? type.value.certificateChain
              : type.case === "validationContext"
                ? type.value.trustedCa
                : undefined;
          const specifier = source?.specifier;
          if (specifier?.case === "inlineBytes") seen.set(name, Buffer.from(specifier.value).toString());
        }
        return accept;
      },
    });
    return seen;
  }

  it.each(["sotw", "delta"] as const)(
    "serves certificate and roots, %s, and the roots' rotation",
    async (mode) => {
      await start(day);
      const seen = subscribe(mode);
      await eventually(() => (seen.size === 2 ? true : undefined));
      const [leaf] = parseCertificates(seen.get("default") ?? "");
      expect(leaf?.subjectAltNames.uris).toEqual([webId]);
      expect(seen.get("ROOTCA")).toBe(authority.bundle().pem);
      expect(secrets?.stats()).toMatchObject({ requests: 1, failures: 0 });
      expect(statSync(fileOf("sds")).mode & 0o777).toBe(0o600);

      await authority.rotate("begin");
      writeFileSync(fileOf("root.pem"), authority.bundle().pem);
      await eventually(() => (parseCertificates(seen.get("ROOTCA") ?? "").length === 2 ? true : undefined));
      // Nothing of a key was written, logged or counted anywhere but in the CA's own folder.
      const files = readdirSync(folder).filter((name) => name !== "ca" && name !== "sds");
      for (const name of files) expect(readFileSync(fileOf(name), "utf8")).not.toContain("PRIVATE KEY");
      expect(said.join()).not.toContain("PRIVATE KEY");
    },
    15_000,
  );

  it.each([
    ["a token of another workload", "other", "the CSR asks for"],
    [
      "no token of this CA",
      "web",
      "UNAUTHENTICATED: request authenticate failure (it does not take the token in",
    ],
  ])(
    "gets nothing with %s, and says why",
    async (_title, serviceAccount, reason) => {
      if (serviceAccount === "web") writeFileSync(fileOf("token"), "e30.e30.e30");
      await start(day, serviceAccount);
      const seen = subscribe("delta");
      await eventually(() => said.find((line) => line.includes(reason)));
      expect([...seen]).toEqual([]);
      expect(secrets?.stats().secondsLeft).toBeUndefined();
      // The token is read each time: a good one helps without a restart.
      const token = await tokens.issue({ namespace: "default", serviceAccount });
      writeFileSync(fileOf("token"), token.expose());
      await eventually(() => (seen.size === 2 ? true : undefined));
    },
    10_000,
  );

  it("sends no token to who is not the CA it knows", async () => {
    const storage = await openFolderStorage(fileOf("ca2"));
    const store = await openRootStore({ storage, trustDomain, ttlMs: 30 * day, clock });
    const foreign = createCertificateAuthority({
      trustDomain,
      source: { kind: "self-signed", store },
      clock,
    });
    writeFileSync(fileOf("root.pem"), foreign.bundle().pem);
    await start(day);
    const line = await eventually(() =>
      said.find((one) => one.includes("its certificate is verified against")),
    );
    expect(line).toContain("no workload certificate yet, trying again");
  });
});

/** Envoy with one TLS listener whose certificate and roots are the agent's. */
const bootstrap = (port: number) => {
  const sds = (name: string) => ({
    name,
    sds_config: {
      api_config_source: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
      },
      resource_api_version: "V3",
    },
  });
  const tls = {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    common_tls_context: {
      tls_certificate_sds_secret_configs: [sds("default")],
      validation_context_sds_secret_config: sds("ROOTCA"),
    },
  };
  const tcpProxy = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    stat_prefix: "in",
    cluster: "sds-grpc",
  };
  return {
    node: { id: "test", cluster: "test" },
    static_resources: {
      clusters: [sdsCluster(fileOf("sds"))],
      listeners: [
        {
          name: "in",
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [
            {
              transport_socket: { name: "envoy.transport_sockets.tls", typed_config: tls },
              filters: [{ name: "envoy.filters.network.tcp_proxy", typed_config: tcpProxy }],
            },
          ],
        },
      ],
    },
  };
};

/** The certificate of whoever listens, verified by Node; undefined where there is no handshake. */
function handshake(port: number): Promise<DetailedPeerCertificate | undefined> {
  return new Promise((resolve) => {
    const ca = authority.bundle().pem;
    const socket = connect({ host: "127.0.0.1", port, ca, checkServerIdentity: () => undefined });
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate(true));
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
  });
}

describeWithPeer("envoy", "startSecrets() with citadel and real Envoy", (envoy) => {
  let child: Child | undefined;
  afterEach(() => child?.stop());

  it("has Envoy speak TLS as the workload, renewed with the CA there, away and back", async () => {
    const [port = 0] = await freePorts(1);
    writeFileSync(fileOf("envoy.json"), JSON.stringify(bootstrap(port)));
    await start(6_000);
    const args = ["-c", fileOf("envoy.json"), "--disable-hot-restart", "--concurrency", "1", "-l", "error"];
    child = await startChild(envoy, { args });
    const other = (serial: string) =>
      eventually(async () => {
        const found = await handshake(port);
        return found !== undefined && found.serialNumber !== serial ? found : undefined;
      });
    const first = await other("");
    expect(first.subjectaltname).toBe(`URI:${webId}`);
    const second = await other(first.serialNumber);

    await citadel.close();
    await eventually(() => said.find((line) => line.includes("it stays in use until it expires")));
    // Without the CA: the certificate at hand, no failed handshake.
    expect(await handshake(port)).toMatchObject({ subjectaltname: `URI:${webId}` });
    await startCa();
    const third = await other(second.serialNumber);
    expect(third.subjectaltname).toBe(`URI:${webId}`);
  }, 30_000);
});
