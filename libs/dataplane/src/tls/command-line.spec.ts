import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import { freePorts, hasCommand, startChild } from "@weft/testkit";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  portOf,
  routeConfiguration,
  startProxy,
  startUpstream,
} from "../testing.ts";
import { createTestAuthority } from "./fixtures.ts";

const run = promisify(execFile);
const cleanup = createCleanup();
afterEach(() => cleanup.run());

const context = (kind: string, common: object, more: object = {}) =>
  ({
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${kind}TlsContext`,
      common_tls_context: common,
      ...more,
    },
  }) as JsonValue;
const routes = { route_config: routeConfiguration("r", { route: { cluster: "up" } }) };
const cluster = (port: number, more: object = {}) => ({
  name: "up",
  type: "STATIC",
  load_assignment: loadAssignment("up", port),
  ...more,
});

/** A CA with a server's and a client's certificate, in files too. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), "weft-tls-"));
  cleanup.add(() => rm(folder, { recursive: true }));
  const ca = await createTestAuthority();
  const server = await ca.issue({ dns: ["server.test"] });
  const client = await ca.issue();
  const files = {
    "ca.pem": ca.root,
    "s.pem": server.chain,
    "s.key": server.key,
    "c.pem": client.chain,
    "c.key": client.key,
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 });
  return { file: (name: keyof typeof files) => join(folder, name) };
}

describe("command-line peers", () => {
  (hasCommand("curl") && hasCommand("openssl") ? it : it.skip)(
    "serves curl and openssl s_client with certificates in files",
    async () => {
      const { file } = await setUp();
      const common = {
        tls_certificates: [
          { certificate_chain: { filename: file("s.pem") }, private_key: { filename: file("s.key") } },
        ],
        validation_context: { trusted_ca: { filename: file("ca.pem") } },
      };
      const transport = context("Downstream", common, { require_client_certificate: true });
      const proxy = await startProxy(
        {
          static_resources: {
            clusters: [cluster(await startUpstream("a", cleanup))],
            listeners: [listener("l", { ...(httpChain(routes) as object), transport_socket: transport })],
          },
        },
        cleanup,
      );
      const port = portOf(proxy, "l");
      const curl = (...more: string[]) =>
        run("curl", [
          "-sS",
          "--cacert",
          file("ca.pem"),
          "--resolve",
          `server.test:${port}:127.0.0.1`,
          ...more,
          `https://server.test:${port}/x`,
        ]);
      const identity = ["--cert", file("c.pem"), "--key", file("c.key")];
      for (const version of ["1.2", "1.3"])
        expect((await curl(...identity, `--tlsv${version}`, "--tls-max", version)).stdout).toBe("a /x");
      await expect(curl()).rejects.toThrow();
      const client = run("openssl", [
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-CAfile",
        file("ca.pem"),
        "-verify_return_error",
        "-cert",
        file("c.pem"),
        "-key",
        file("c.key"),
        "-brief",
      ]);
      client.child.stdin?.end("GET /y HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      const { stderr } = await client;
      expect(stderr).toContain("Verification: OK");
    },
  );

  (hasCommand("openssl") ? it : it.skip)("connects to openssl s_server", async () => {
    const { file } = await setUp();
    const [port = 0] = await freePorts(1);
    const server = await startChild("openssl", {
      args: [
        "s_server",
        "-accept",
        String(port),
        "-cert",
        file("s.pem"),
        "-key",
        file("s.key"),
        "-CAfile",
        file("ca.pem"),
        "-Verify",
        "2",
        "-verify_return_error",
        "-www",
      ],
      ready: /ACCEPT/,
    });
    cleanup.add(() => server.stop());
    const names = { match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "server.test" } }] };
    const common = {
      tls_certificates: [
        { certificate_chain: { filename: file("c.pem") }, private_key: { filename: file("c.key") } },
      ],
      validation_context: { trusted_ca: { filename: file("ca.pem") }, ...names },
    };
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [
            cluster(port, { transport_socket: context("Upstream", common, { sni: "server.test" }) }),
          ],
          listeners: [listener("l", httpChain(routes))],
        },
      },
      cleanup,
    );
    const response = await fetch(`http://127.0.0.1:${portOf(proxy, "l")}/`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("URI:spiffe://td/ns/a/sa/web");
  });
});
