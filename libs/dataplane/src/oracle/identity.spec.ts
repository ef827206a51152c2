import { connect } from "node:tls";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { createCleanup, httpChain, loadAssignment, loopback, startEcho } from "../testing.ts";
import { createTestAuthority, type Identity, type TestAuthority } from "../tls/fixtures.ts";
import { logLines, type Pair, parseAnswer, request, startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const inline = (text: string) => ({ inline_string: text });
const policy = (permissions: JsonValue, principals: JsonValue = { any: true }) => ({
  permissions: [permissions],
  principals: [principals],
});
const principal = (match: JsonValue) => ({ authenticated: { principal_name: match } });
const allow = (principals: JsonValue, permissions: JsonValue = { any: true }): JsonValue => ({
  rules: { action: "ALLOW", policies: { p: policy(permissions, principals) } },
});
const all = { subject: true, uri: true, dns: true, cert: true };

/** What is done with a client's certificate, by name: settings of the connection manager, and rules. */
const configs: Readonly<Record<string, { settings: Record<string, JsonValue>; rbac?: JsonValue }>> = {
  sanitize: { settings: {} },
  ...Object.fromEntries(
    ["FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"].flatMap((mode) => [
      [mode, { settings: { forward_client_cert_details: mode } }],
      [
        `${mode} with all`,
        { settings: { forward_client_cert_details: mode, set_current_client_cert_details: all } },
      ],
    ]),
  ),
  "one client": { settings: {}, rbac: allow(principal({ exact: "spiffe://td/ns/a/sa/web" })) },
  "a namespace": { settings: {}, rbac: allow(principal({ safe_regex: { regex: ".*/ns/a/.*" } })) },
  "a DNS name": { settings: {}, rbac: allow(principal({ suffix: ".example" })) },
  "any client over TLS": { settings: {}, rbac: allow({ authenticated: {} }) },
  "nobody of another domain": {
    settings: {},
    rbac: allow({ not_id: principal({ prefix: "spiffe://other/" }) }),
  },
  "a server name": {
    settings: {},
    rbac: allow({ any: true }, { requested_server_name: { exact: "a.example" } }),
  },
  "a host": {
    settings: {},
    rbac: allow(
      { any: true },
      { header: { name: ":authority", string_match: { exact: "a.example", ignore_case: true } } },
    ),
  },
};

const format =
  "%REQ(x-case)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_DNS_SAN% " +
  "%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_PEER_FINGERPRINT_256% %DOWNSTREAM_LOCAL_URI_SAN% " +
  "%DOWNSTREAM_TLS_VERSION% %REQUESTED_SERVER_NAME%\n";

function resources(upstream: number, logPath: string, server: Identity, authority: TestAuthority) {
  const tls = {
    "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
    common_tls_context: {
      tls_certificates: [{ certificate_chain: inline(server.chain), private_key: inline(server.key) }],
      validation_context: { trusted_ca: inline(authority.root) },
    },
  };
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
    ] as JsonValue[],
    listeners: Object.entries(configs).map(([name, { settings, rbac }]) => ({
      name,
      address: loopback(0),
      listener_filters: [
        { name: "tls", typed_config: { "@type": type("filters.listener.tls_inspector.v3.TlsInspector") } },
      ],
      filter_chains: [
        {
          ...(httpChain(
            {
              route_config: {
                name: "r",
                virtual_hosts: [
                  {
                    name: "v",
                    domains: ["*"],
                    routes: [{ match: { prefix: "/" }, route: { cluster: "up" } }],
                  },
                ],
              },
            },
            {
              ...settings,
              http_filters: [
                {
                  name: "rbac",
                  typed_config: { "@type": type("filters.http.rbac.v3.RBAC"), ...(rbac as object) },
                },
                { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
              ],
              access_log: [
                {
                  name: "file",
                  typed_config: {
                    "@type": type("access_loggers.file.v3.FileAccessLog"),
                    path: logPath,
                    log_format: { text_format_source: { inline_string: format } },
                  },
                },
              ],
            },
          ) as object),
          transport_socket: { name: "tls", typed_config: tls },
        },
      ],
    })) as JsonValue[],
  };
}

function ask(port: number, text: string, client: Identity | undefined, servername: string) {
  return new Promise<unknown>((resolve) => {
    const identity = client === undefined ? {} : { cert: client.chain, key: client.key };
    const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false, ...identity });
    let received = "";
    socket.on("secureConnect", () => socket.write(text));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => {
      const { status, body } = parseAnswer(received);
      resolve({ status, body });
    });
  });
}

describeWithPeer("envoy", "identities beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const count = Object.keys(configs).length;
  const seen = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };
  let probes: readonly (readonly [
    name: string,
    client: Identity | undefined,
    serverName: string,
    headers: readonly string[],
  ])[];

  beforeAll(async () => {
    const upstream = await startEcho(cleanup);
    const authority = await createTestAuthority();
    const stranger = await createTestAuthority("stranger");
    const server = await authority.issue({ uris: ["spiffe://td/ns/a/sa/server"], dns: ["a.example"] });
    const web = await authority.issue({
      uris: ["spiffe://td/ns/a/sa/web"],
      dns: ["web.example", "w.example"],
    });
    const forged = 'x-forwarded-client-cert: By=spiffe://td/x;URI=spiffe://td/ns/a/sa/admin;Subject="CN=x"';
    probes = [
      ["none", undefined, "a.example", []],
      ["web", web, "a.example", []],
      ["forged-header", web, "a.example", [forged]],
      ["forged-header-without-certificate", undefined, "a.example", [forged]],
      ["other-namespace", await authority.issue({ uris: ["spiffe://td/ns/b/sa/web"] }), "a.example", []],
      ["other-domain", await authority.issue({ uris: ["spiffe://other/ns/a/sa/web"] }), "a.example", []],
      [
        "two-names",
        await authority.issue({ uris: ["spiffe://td/ns/b/sa/x", "spiffe://td/ns/a/sa/web"] }),
        "a.example",
        [],
      ],
      ["dns-only", await authority.issue({ dns: ["x.example"] }), "a.example", []],
      [
        "name-within-a-name",
        await authority.issue({ uris: ["spiffe://td/ns/b/sa/x?spiffe://td/ns/a/sa/web"] }),
        "a.example",
        [],
      ],
      ["expired", await authority.issue({ hours: -1 }), "a.example", []],
      ["of-another-authority", await stranger.issue(), "a.example", []],
      ["other-server-name", web, "b.example", []],
      ["other-host", web, "a.example", ["host: b.example"]],
      ["host-in-capitals", web, "a.example", ["host: A.Example"]],
      ["host-with-dot", web, "a.example", ["host: a.example."]],
    ];
    const pair: Pair = await startPair(
      envoy,
      (logPath) => resources(upstream, logPath, server, authority),
      cleanup,
    );
    for (const name of ["envoy", "weft"] as const) {
      const answers = new Map<string, unknown>();
      for (let index = 0; index < count; index++) {
        for (const [what, client, serverName, headers] of probes) {
          const key = `${index}:${what}`;
          const text = request("GET", "/", [...headers, `x-case: ${key}`]);
          answers.set(key, await ask(pair[name].port(index), text, client, serverName));
        }
      }
      // Two of them never get to send a request.
      const lines = await logLines(pair[name], count * (probes.length - 2));
      for (const [key, answer] of answers) seen[name].set(key, { answer, log: lines.get(key) });
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(configs).map((name, index) => [name, index] as const))(
    "knows and tells clients as Envoy does: %s",
    (_name, index) => {
      const of = (name: "envoy" | "weft") =>
        probes.map(([what]) => [what, seen[name].get(`${index}:${what}`)]);
      expect(of("weft")).toEqual(of("envoy"));
    },
  );

  it("lets no certificate pass that is expired or of another authority", () => {
    for (let index = 0; index < count; index++)
      for (const what of ["expired", "of-another-authority"])
        expect(seen.weft.get(`${index}:${what}`)).toMatchObject({ answer: { status: 0 } });
  });
});
