import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { startGrpcAuthorizer } from "../ext-authz/fixtures.ts";
import { createCleanup, loadAssignment, loopback, startUpstream } from "../testing.ts";
import { logLines, type Pair, startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const policy = (permissions: JsonValue, principals: JsonValue = { any: true }) => ({
  permissions: [permissions],
  principals: [principals],
});
const from = (address_prefix: string) => ({ direct_remote_ip: { address_prefix, prefix_len: 32 } });
const rbac = (more: Record<string, JsonValue>): JsonValue => ({
  name: "rbac",
  typed_config: { "@type": type("filters.network.rbac.v3.RBAC"), stat_prefix: "tcp.", ...more },
});
const askAuthorizer = (more: Record<string, JsonValue> = {}): JsonValue => ({
  name: "authz",
  typed_config: {
    "@type": type("filters.network.ext_authz.v3.ExtAuthz"),
    stat_prefix: "tcp.",
    transport_api_version: "V3",
    grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "0.5s" },
    ...more,
  },
});
const shadow = rbac({
  shadow_rules_stat_prefix: "istio-ext-authz-",
  shadow_rules: { action: "DENY", policies: { asked: policy({ any: true }, from("127.0.0.2")) } },
});

/** Filters in front of a TCP proxy, by name. */
const chains: Readonly<Record<string, readonly JsonValue[]>> = {
  "allow one address": [
    rbac({ rules: { action: "ALLOW", policies: { p: policy({ any: true }, from("127.0.0.2")) } } }),
  ],
  "deny one address": [
    rbac({ rules: { action: "DENY", policies: { "p q": policy({ any: true }, from("127.0.0.2")) } } }),
  ],
  "deny by server name": [
    rbac({
      rules: { action: "DENY", policies: { p: policy({ requested_server_name: { suffix: ".bad" } }) } },
    }),
  ],
  "deny by a path": [
    rbac({ rules: { action: "DENY", policies: { p: policy({ url_path: { path: { prefix: "/" } } }) } } }),
  ],
  "deny but for a path": [
    rbac({
      rules: {
        action: "DENY",
        policies: { p: policy({ not_rule: { url_path: { path: { prefix: "/" } } } }) },
      },
    }),
  ],
  "no rules": [rbac({})],
  shadow: [shadow],
  authorizer: [askAuthorizer()],
  "no authorizer": [askAuthorizer({ grpc_service: { envoy_grpc: { cluster_name: "nobody" } } })],
  "no authorizer, open": [
    askAuthorizer({ grpc_service: { envoy_grpc: { cluster_name: "nobody" } }, failure_mode_allow: true }),
  ],
  "authorizer by metadata": [
    shadow,
    askAuthorizer({
      filter_enabled_metadata: {
        filter: "envoy.filters.network.rbac",
        path: [{ key: "istio-ext-authz-shadow_effective_policy_id" }],
        value: { string_match: { prefix: "ask" } },
      },
    }),
  ],
};

const format =
  "%DOWNSTREAM_LOCAL_PORT%:%DOWNSTREAM_REMOTE_PORT% %RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% " +
  "%DYNAMIC_METADATA(envoy.filters.network.rbac)% %DYNAMIC_METADATA(envoy.filters.network.ext_authz)%\n";

function resources(upstream: number, authz: number, logPath: string) {
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
      { name: "nobody", type: "STATIC", load_assignment: { cluster_name: "nobody" } },
      {
        name: "authz",
        type: "STATIC",
        load_assignment: loadAssignment("authz", authz),
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": type("upstreams.http.v3.HttpProtocolOptions"),
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
      },
    ] as JsonValue[],
    listeners: Object.entries(chains).map(([name, filters], index) => ({
      name,
      address: loopback(0),
      listener_filters: [
        {
          name: "tls",
          typed_config: { "@type": type("filters.listener.tls_inspector.v3.TlsInspector") },
        },
      ],
      filter_chains: [
        {
          filters: [
            ...filters,
            {
              name: "tcp",
              typed_config: {
                "@type": type("filters.network.tcp_proxy.v3.TcpProxy"),
                stat_prefix: `l${index}`,
                cluster: "up",
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
            },
          ],
        },
      ],
    })) as JsonValue[],
  };
}

/** What became of a connection: what was answered (`tls` for a handshake that went through to the upstream), and its port. */
async function probe(port: number, localAddress: string, serverName?: string) {
  return new Promise<{ answer: string; clientPort: number }>((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    let clientPort = 0;
    let answer = "";
    socket.on("connect", () => {
      clientPort = socket.localPort ?? 0;
      if (serverName === undefined) socket.write("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      else connectTls({ socket, servername: serverName, rejectUnauthorized: false }).on("error", () => {});
    });
    socket.on("data", (chunk) => {
      answer = /\r\n\r\n(.*)$/s.exec(chunk.toString())?.[1] || answer || "something";
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => resolve({ answer, clientPort }));
  });
}

const probes = [
  ["first", "127.0.0.1", undefined],
  ["second", "127.0.0.2", undefined],
  ["good-name", "127.0.0.1", "a.good"],
  ["bad-name", "127.0.0.1", "a.bad"],
  ["third", "127.0.0.3", undefined],
] as const;

describeWithPeer("envoy", "network filters beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const count = Object.keys(chains).length;
  const seen = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };
  let pair: Pair;

  beforeAll(async () => {
    const upstream = await startUpstream("a", cleanup);
    const authorizer = await startGrpcAuthorizer((asked) => {
      const text = JSON.stringify(asked);
      return text.includes('"127.0.0.2"') || text.includes('"127.0.0.3"')
        ? { status: { code: 7 } }
        : { dynamicMetadata: { seen: "yes" } };
    });
    cleanup.add(() => authorizer.close());
    pair = await startPair(envoy, (logPath) => resources(upstream, authorizer.port, logPath), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      const answers: [key: string, logKey: string, answer: string][] = [];
      for (let index = 0; index < count; index++) {
        for (const [what, address, serverName] of probes) {
          const port = pair[name].port(index);
          const { answer, clientPort } = await probe(port, address, serverName);
          answers.push([`${index}:${what}`, `${port}:${clientPort}`, answer]);
        }
      }
      const lines = await logLines(pair[name], answers.length);
      for (const [key, logKey, answer] of answers)
        seen[name].set(key, {
          answer,
          log: lines
            .get(logKey)
            ?.replace(logKey, "")
            .replace(/"ext_authz_duration":\d+,/, ""),
        });
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(chains).map((name, index) => [name, index] as const))(
    "lets the same connections pass, and logs as Envoy does: %s",
    (_name, index) => {
      const of = (name: "envoy" | "weft") =>
        probes.map(([what]) => [what, seen[name].get(`${index}:${what}`)]);
      expect(of("weft")).toEqual(of("envoy"));
    },
  );

  it("counts as Envoy does", async () => {
    const { envoy: real, weft } = await pair.stats(
      // Envoy counts those that it does not ask about once more with their first byte.
      /^tcp\.rbac|^ext_authz\.(?!.*disabled)/,
    );
    expect(Object.keys(real).length).toBeGreaterThan(5);
    expect(weft).toEqual(real);
  });
});
