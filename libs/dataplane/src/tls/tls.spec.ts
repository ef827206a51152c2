import { type ConnectionOptions, connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { JsonValue } from "@bufbuild/protobuf";
import type { ProxyServer } from "../proxy.ts";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  portOf,
  routeConfiguration,
  startProxy,
  startUpstream,
  until,
} from "../testing.ts";
import { createTestAuthority, type Identity, type TestAuthority } from "./fixtures.ts";

const type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.";
const inline = (text: string) => ({ inline_string: text });
const certificate = ({ chain, key }: Identity) => ({
  certificate_chain: inline(chain),
  private_key: inline(key),
});

/** A transport socket; `kind` is Downstream or Upstream. */
const socket = (kind: string, common: JsonValue, more: object = {}): JsonValue => ({
  name: "envoy.transport_sockets.tls",
  typed_config: { "@type": `${type}${kind}TlsContext`, common_tls_context: common, ...more },
});

/** A request over TLS: the answer, or why there is none. */
function ask(port: number, options: ConnectionOptions & { readonly more?: string }): Promise<string> {
  return new Promise((resolve) => {
    const client = connectTls(
      { host: "127.0.0.1", port, checkServerIdentity: () => undefined, ...options },
      () => client.write(`GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${options.more ?? ""}\r\n`),
    );
    let text = "";
    client.on("data", (data) => {
      text += data;
    });
    client.on("error", (error) => resolve(`failed: ${error.message}`));
    client.on("close", () => resolve(text === "" ? "closed" : text));
  });
}

const cleanup = createCleanup();
afterEach(() => cleanup.run());
let ca: TestAuthority;
let foreign: TestAuthority;
let server: Identity;
let client: Identity;
beforeAll(async () => {
  ca = await createTestAuthority();
  foreign = await createTestAuthority("foreign");
  server = await ca.issue({ uris: ["spiffe://td/ns/a/sa/server"], dns: ["server.test"] });
  client = await ca.issue({ uris: ["spiffe://td/ns/a/sa/client"] });
});

const count = (proxy: ProxyServer, name: string) => {
  const names = [...proxy.stats.counters.keys()].filter((key) => key.endsWith(name));
  return names.reduce((sum, key) => sum + (proxy.stats.counters.get(key)?.value ?? 0), 0);
};

describe("downstream TLS", () => {
  const start = async (common: object, more: object = {}, listenerMore: Record<string, JsonValue> = {}) => {
    const upstream = await startUpstream("a", cleanup);
    const routes = { route_config: routeConfiguration("r", { route: { cluster: "up" } }) };
    const transport = socket("Downstream", common as JsonValue, more);
    const chain = httpChain(routes, {
      forward_client_cert_details: "SANITIZE_SET",
      set_current_client_cert_details: { subject: true, uri: true },
    });
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [{ name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) }],
          listeners: [
            listener(
              "l",
              { ...(chain as object), transport_socket: transport },
              {
                listener_filters: [
                  {
                    name: "tls_inspector",
                    typed_config: {
                      "@type":
                        "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                    },
                  },
                ],
                ...listenerMore,
              },
            ),
          ],
        },
      },
      cleanup,
    );
    return { proxy, port: portOf(proxy, "l") };
  };
  const mutual = () => ({
    tls_certificates: [certificate(server)],
    validation_context: {
      trusted_ca: inline(ca.root),
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { prefix: "spiffe://td/" } }],
    },
  });
  const trusting = () => ({ ca: ca.root });
  const asClient = ({ chain, key }: Identity) => ({ ...trusting(), cert: chain, key });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("serves %s, and counts it as Envoy does", async (version) => {
    const { proxy, port } = await start({ tls_certificates: [certificate(server)] });
    const answer = await ask(port, { ...trusting(), minVersion: version, maxVersion: version });
    expect(answer).toMatch(/^HTTP\/1.1 200 [\s\S]*a \/$/);
    expect(count(proxy, ".ssl.handshake")).toBe(1);
    expect(count(proxy, `.ssl.versions.${version}`)).toBe(1);
    expect(count(proxy, ".ssl.no_certificate")).toBe(1);
  });

  it("works without an inspector, for clients that send their hello in pieces too", async () => {
    const { port } = await start({ tls_certificates: [certificate(server)] }, {}, { listener_filters: [] });
    expect(await ask(port, trusting())).toContain("a /");
  });

  it("takes clients whose certificate and name it trusts, and no others", async () => {
    const { proxy, port } = await start(mutual(), { require_client_certificate: true });
    expect(await ask(port, asClient(client))).toContain("a /");
    const refused: [string, ConnectionOptions, string][] = [
      ["no certificate", trusting(), "fail_verify_no_cert"],
      ["foreign CA", asClient(await foreign.issue()), "fail_verify_error"],
      ["expired", asClient(await ca.issue({ hours: -1 })), "fail_verify_error"],
      ["wrong name", asClient(await ca.issue({ uris: ["spiffe://other/ns/a/sa/b"] })), "fail_verify_san"],
    ];
    for (const [what, options, counter] of refused) {
      const before = count(proxy, `.ssl.${counter}`);
      expect([what, await ask(port, options)]).toEqual([what, expect.not.stringContaining("a /")]);
      expect([what, count(proxy, `.ssl.${counter}`)]).toEqual([what, before + 1]);
    }
    expect(count(proxy, ".ssl.handshake")).toBe(1);
  });

  it("resumes sessions, with the client still known", async () => {
    const { proxy, port } = await start(mutual(), { require_client_certificate: true });
    let session: Buffer | undefined;
    const first = connectTls({
      host: "127.0.0.1",
      port,
      ...asClient(client),
      checkServerIdentity: () => undefined,
    });
    first.on("session", (ticket) => {
      session = ticket;
    });
    await until(() => session !== undefined, "a ticket");
    first.destroy();
    expect(await ask(port, { ...asClient(client), ...(session && { session }) })).toContain("a /");
    expect(count(proxy, ".ssl.session_reused")).toBe(1);
  });

  it("chooses between certificates by the client's ciphers", async () => {
    const rsa = await ca.issue({ dns: ["rsa.test"], rsa: true });
    const { proxy, port } = await start({ tls_certificates: [certificate(server), certificate(rsa)] });
    for (const kind of ["ECDSA", "RSA"]) {
      const ciphers = `ECDHE-${kind}-AES128-GCM-SHA256`;
      expect(await ask(port, { ...trusting(), maxVersion: "TLSv1.2", ciphers })).toContain("a /");
      expect(count(proxy, `.ssl.ciphers.${ciphers}`)).toBe(1);
    }
  });

  it("agrees on a protocol where there is one in common, and on none otherwise", async () => {
    const { port } = await start({
      tls_certificates: [certificate(server)],
      alpn_protocols: ["h2", "http/1.1"],
    });
    const agreed = (protocols: string[]) =>
      new Promise((resolve) => {
        const tls = connectTls(
          {
            host: "127.0.0.1",
            port,
            ...trusting(),
            checkServerIdentity: () => undefined,
            ALPNProtocols: protocols,
          },
          () => {
            resolve(tls.alpnProtocol);
            tls.destroy();
          },
        );
        tls.on("error", (error) => resolve(error.message));
      });
    expect(await agreed(["h2", "http/1.1"])).toBe("h2");
    expect(await agreed(["istio"])).toBe(false);
  });

  it("closes what is no TLS", async () => {
    const { proxy, port } = await start(
      { tls_certificates: [certificate(server)] },
      {},
      { listener_filters: [] },
    );
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => "failed");
    expect(answer).toBe("failed");
    expect(count(proxy, ".ssl.connection_error")).toBe(1);
  });

  it("refuses configuration that would prove nothing, and shows no key in what it says", async () => {
    const other = await ca.issue();
    const mixed = { certificate_chain: inline(server.chain), private_key: inline(other.key) };
    const key = other.key.split("\n")[1] ?? "";
    for (const [common, more, reason] of [
      [{ tls_certificates: [mixed] }, {}, "is not the key of the certificate"],
      [{ tls_certificates: [{ ...mixed, private_key: inline(key) }] }, {}, "is no private key"],
      [{}, {}, "No TLS certificates found"],
      [
        { tls_certificates: [certificate(server)] },
        { require_client_certificate: true },
        "needs a validation context",
      ],
      [
        { ...mutual(), validation_context: { match_subject_alt_names: [{ exact: "a" }] } },
        {},
        "without a trusted CA",
      ],
      [
        { ...mutual(), validation_context: { trust_chain_verification: "ACCEPT_UNTRUSTED" } },
        {},
        "VERIFY_TRUST_CHAIN",
      ],
      [{ ...mutual(), tls_params: { cipher_suites: ["none"] } }, {}, "no cipher match"],
    ] as const) {
      const message = await start(common, more).then(
        () => "taken",
        (error: Error) => error.message,
      );
      expect(message).toContain(reason);
      expect(message).not.toContain(key);
    }
  });
});

describe("upstream TLS", () => {
  /** A server that wants `client`'s CA, behind a plain listener of the proxy. */
  const start = async (identity: Identity, common: object, more: object = {}) => {
    const seen: {
      servername: string | false;
      protocol: string | false | null;
      resumed: boolean;
      client: string | undefined;
    }[] = [];
    const upstream = createTlsServer(
      {
        cert: identity.chain,
        key: identity.key,
        ca: ca.root,
        requestCert: true,
        ALPNProtocols: ["istio", "http/1.1"],
      },
      (tls) => {
        seen.push({
          servername: (tls as { servername?: string | false }).servername ?? false,
          protocol: tls.alpnProtocol,
          resumed: tls.isSessionReused(),
          client: tls.getPeerX509Certificate()?.subjectAltName,
        });
        tls.on("error", () => {});
        tls.on("data", () => tls.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
      },
    );
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    cleanup.add(() => new Promise((resolve) => upstream.close(() => resolve())));
    const { port } = upstream.address() as { port: number };
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [
            {
              name: "up",
              type: "STATIC",
              load_assignment: loadAssignment("up", port),
              transport_socket: socket("Upstream", common as JsonValue, more),
            },
          ],
          listeners: [
            listener("l", httpChain({ route_config: routeConfiguration("r", { route: { cluster: "up" } }) })),
          ],
        },
      },
      cleanup,
    );
    const get = async () => (await fetch(`http://127.0.0.1:${portOf(proxy, "l")}/`)).status;
    return { proxy, seen, get };
  };
  const wants = (exact: string) => ({
    tls_certificates: [certificate(client)],
    validation_context: { trusted_ca: inline(ca.root), match_subject_alt_names: [{ exact }] },
    alpn_protocols: ["istio"],
  });

  it.each(["TLSv1_2", "TLSv1_3"])(
    "verifies the server, shows its certificate, resumes: %s",
    async (version) => {
      const tls_params = { tls_minimum_protocol_version: version, tls_maximum_protocol_version: version };
      const common = { ...wants("spiffe://td/ns/a/sa/server"), tls_params };
      const { proxy, seen, get } = await start(server, common, { sni: "outbound_.80_._.server" });
      for (let request = 0; request < 3; request++) expect(await get()).toBe(200);
      expect(seen.map(({ resumed }) => resumed)).toEqual([false, true, true]);
      expect(seen[0]).toMatchObject({
        servername: "outbound_.80_._.server",
        protocol: "istio",
        client: "URI:spiffe://td/ns/a/sa/client",
      });
      expect(count(proxy, "cluster.up.ssl.handshake")).toBe(3);
      expect(count(proxy, "cluster.up.ssl.session_reused")).toBe(2);
    },
  );

  it("sends nothing to a server with the wrong name, of a foreign CA, or out of its time", async () => {
    const good = "spiffe://td/ns/a/sa/server";
    for (const [identity, name, counter] of [
      [server, "spiffe://td/ns/a/sa/other", "fail_verify_san"],
      [await foreign.issue({ uris: [good] }), good, "fail_verify_error"],
      [await ca.issue({ uris: [good], hours: -1 }), good, "fail_verify_error"],
    ] as const) {
      const { proxy, get } = await start(identity, wants(name));
      expect(await get()).toBe(503);
      expect([name, count(proxy, `cluster.up.ssl.${counter}`)]).toEqual([name, 1]);
      expect(count(proxy, "cluster.up.ssl.handshake")).toBe(0);
    }
  });

  it("never falls back to plain text", async () => {
    const plain = await startUpstream("plain", cleanup);
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [
            {
              name: "up",
              type: "STATIC",
              load_assignment: loadAssignment("up", plain),
              transport_socket: socket("Upstream", wants("x") as JsonValue),
            },
          ],
          listeners: [
            listener("l", httpChain({ route_config: routeConfiguration("r", { route: { cluster: "up" } }) })),
          ],
        },
      },
      cleanup,
    );
    expect((await fetch(`http://127.0.0.1:${portOf(proxy, "l")}/`)).status).toBe(503);
    expect(count(proxy, "cluster.up.ssl.connection_error")).toBe(1);
  });
});
