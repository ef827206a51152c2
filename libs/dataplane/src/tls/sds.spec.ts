import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { fromEnvoyJson } from "@weft/envoy-api";
import { CertificatesSchema } from "@weft/envoy-api/envoy/admin/v3/certs_pb.js";
import { freePorts } from "@weft/testkit";
import { createCleanup } from "../testing.ts";
import { createTestAuthority } from "./fixtures.ts";
import { readStats, startPair, uri } from "./testing/pair.ts";
import {
  bytes,
  common,
  envoy,
  run,
  secretsOf,
  sidecar,
  startApp,
  startSds,
  tls,
} from "./testing/sidecars.ts";

const cleanup = createCleanup();
afterEach(() => cleanup.run());

const type = "type.googleapis.com/envoy.extensions.";
describe.each([
  ["weft", "weft", "GRPC"],
  ["weft", "envoy", "DELTA_GRPC"],
  ["envoy", "weft", "DELTA_GRPC"],
] as const)("mutual TLS with certificates by SDS: %s to %s (%s)", (from, to, apiType) => {
  const test = [from, to].includes("envoy") && envoy === undefined ? it.skip : it;
  const start = (expected?: string) => startPair({ from, to, apiType, expected }, cleanup);

  test("carries requests, and tells the application who calls", async () => {
    const { get, serverAdmin } = await start();
    const response = await get();
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(
      /^By=spiffe:\/\/td\/ns\/a\/sa\/server;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/td\/ns\/a\/sa\/client$/,
    );
    expect(await readStats(serverAdmin, "listener.*ssl.handshake")).toBe(1);
    const certs = await (await fetch(`http://127.0.0.1:${serverAdmin}/certs`)).json();
    const { certificates } = fromEnvoyJson(CertificatesSchema, certs as JsonValue);
    expect(certificates[0]?.certChain[0]?.subjectAltNames[0]?.name.value).toBe(uri("server"));
    const dump = await (
      await fetch(`http://127.0.0.1:${serverAdmin}/config_dump?resource=dynamic_active_secrets`)
    ).text();
    expect(dump).toContain(Buffer.from("[redacted]").toString("base64"));
    expect(dump).not.toContain("PRIVATE KEY");
    expect(dump).not.toContain(Buffer.from("-----BEGIN PRIVATE KEY").toString("base64").slice(0, 20));
  });

  test("refuses a server of another name", async () => {
    const { get, admin } = await start(uri("other"));
    expect((await get()).status).toBe(503);
    expect(await readStats(admin, "cluster.to.ssl.fail_verify_san")).toBeGreaterThan(0);
  });
});

describe("secrets", () => {
  it("refuses connections until they come, and takes them then; keeps the last good one", async () => {
    const [port = 0, admin = 0] = await freePorts(2);
    const ca = await createTestAuthority();
    const app = await startApp(cleanup);
    const folder = await mkdtemp(join(tmpdir(), "weft-sds-file-"));
    cleanup.add(() => rm(folder, { recursive: true }));
    const path = join(folder, "secrets.json");
    const write = async (secrets: Record<string, object>) => {
      const resources = Object.entries(secrets).map(([name, secret]) => ({
        "@type": `${type}transport_sockets.tls.v3.Secret`,
        name,
        ...secret,
      }));
      await writeFile(`${path}.new`, JSON.stringify({ resources }));
      await rename(`${path}.new`, path);
    };
    const file = (name: string) => ({
      name,
      sds_config: { path_config_source: { path }, initial_fetch_timeout: "0.01s" },
    });
    const outgoing = {
      common_tls_context: {
        tls_certificate_sds_secret_configs: [file("default")],
        validation_context_sds_secret_config: file("ROOTCA"),
      },
    };
    const server = await startSds(secretsOf(await ca.issue({ uris: [uri("server")] }), ca.root), cleanup);
    const [middle = 0, serverAdmin = 0] = await freePorts(2);
    const incoming = {
      common_tls_context: common({ prefix: "spiffe://td/" }, "GRPC"),
      require_client_certificate: true,
    };
    const receiver = {
      port: middle,
      admin: serverAdmin,
      to: app,
      sds: server.path,
      in: tls("Downstream", incoming),
    };
    await run("weft", sidecar(receiver), cleanup);
    const sender = { port, admin, to: middle, sds: server.path, out: tls("Upstream", outgoing) };
    await run("weft", sidecar(sender), cleanup);
    const status = async () => (await fetch(`http://127.0.0.1:${port}/`)).status;
    expect(await status()).toBe(503);
    const good = secretsOf(await ca.issue({ uris: [uri("client")] }), ca.root);
    await write(good);
    while ((await status()) !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    const rejected = async () =>
      (await fetch(`http://127.0.0.1:${admin}/stats?filter=sds.default.update_rejected`)).text();
    await write({
      ...good,
      default: { tls_certificate: { certificate_chain: bytes("no"), private_key: bytes("no") } },
    });
    while ((await rejected()).endsWith(": 0\n") || (await rejected()) === "")
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await status()).toBe(200);
  });
});
