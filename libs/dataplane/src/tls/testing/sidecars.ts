import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JsonValue, toBinary } from "@bufbuild/protobuf";
import { fromEnvoyJson, typeUrls } from "@weft/envoy-api";
import { SecretSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { peer, startChild } from "@weft/testkit";
import { createResourceSet, createXdsServer, encodeResource, type XdsConnection } from "@weft/xds";
import {
  type createCleanup,
  httpChain,
  listener,
  loadAssignment,
  loopback,
  routeConfiguration,
  startProxy,
  until,
} from "../../testing.ts";
import type { Identity } from "../fixtures.ts";

type Cleanup = ReturnType<typeof createCleanup>;

const type = "type.googleapis.com/envoy.extensions.";
/** For tests: a DataSource. */
export const bytes = (text: string) => ({ inline_bytes: Buffer.from(text).toString("base64") });
/** For tests: what an agent serves. */
export const secretsOf = ({ chain, key }: Identity, roots: string) => ({
  default: { tls_certificate: { certificate_chain: bytes(chain), private_key: bytes(key) } },
  ROOTCA: { validation_context: { trusted_ca: bytes(roots) } },
});

/** For tests: an SDS server on a Unix socket, as an agent's. */
export async function startSds(secrets: Record<string, object>, cleanup: Cleanup) {
  const folder = await mkdtemp(join(tmpdir(), "weft-sds-"));
  cleanup.add(() => rm(folder, { recursive: true }));
  const encode = (all: Record<string, object>) =>
    createResourceSet(
      Object.entries(all).map(([name, secret]) => {
        const message = fromEnvoyJson(SecretSchema, { name, ...secret } as JsonValue);
        return encodeResource(name, typeUrls.secret, toBinary(SecretSchema, message));
      }),
    );
  let set = encode(secrets);
  const connections = new Set<XdsConnection>();
  const server = createXdsServer({
    onConnect: (connection) => {
      connections.add(connection);
      connection.update(set);
      return () => connections.delete(connection);
    },
  });
  cleanup.add(() => server.close(0));
  const path = join(folder, "sds.sock");
  await server.listen(`unix:${path}`);
  return {
    path,
    set: (next: Record<string, object>) => {
      set = encode(next);
      for (const connection of connections) connection.update(set);
    },
  };
}

const reference = (name: string, apiType: string) => ({
  name,
  sds_config: {
    resource_api_version: "V3",
    initial_fetch_timeout: "0s",
    api_config_source: {
      api_type: apiType,
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
    },
  },
});

/** For tests: what Istio sends to both sides. */
export const common = (san: object, apiType: string, protocol = "http/1.1") => ({
  tls_certificate_sds_secret_configs: [reference("default", apiType)],
  combined_validation_context: {
    default_validation_context: { match_subject_alt_names: [san] },
    validation_context_sds_secret_config: reference("ROOTCA", apiType),
  },
  alpn_protocols: [protocol],
});

/** For tests: a transport socket. */
export const tls = (kind: string, config: object) =>
  ({
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `${type}transport_sockets.tls.v3.${kind}TlsContext`, ...config },
  }) as JsonValue;

const httpOptions = (options: object) => ({
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": `${type}upstreams.http.v3.HttpProtocolOptions`,
    ...options,
  },
});

/** For tests: a sidecar that takes requests at `port`, in the clear or with TLS, and passes them to `to`, with TLS or in the clear. */
export function sidecar(options: {
  port: number;
  admin: number;
  to: number;
  sds: string;
  in?: JsonValue;
  out?: JsonValue;
  maxRequestsPerConnection?: number | undefined;
  http2?: boolean;
}): JsonValue {
  const chain = httpChain(
    { route_config: routeConfiguration("r", { route: { cluster: "to" } }) },
    {
      forward_client_cert_details: "SANITIZE_SET",
      set_current_client_cert_details: { uri: true, subject: true },
    },
  ) as object;
  return {
    node: { id: "n", cluster: "c" },
    admin: { address: loopback(options.admin) },
    static_resources: {
      clusters: [
        {
          name: "to",
          type: "STATIC",
          connect_timeout: "2s",
          load_assignment: loadAssignment("to", options.to),
          ...(options.out !== undefined && { transport_socket: options.out }),
          typed_extension_protocol_options: httpOptions({
            ...(options.maxRequestsPerConnection !== undefined && {
              common_http_protocol_options: {
                max_requests_per_connection: options.maxRequestsPerConnection,
              },
            }),
            explicit_http_config: options.http2
              ? { http2_protocol_options: {} }
              : { http_protocol_options: {} },
          }),
        },
        {
          name: "sds-grpc",
          type: "STATIC",
          connect_timeout: "1s",
          load_assignment: {
            cluster_name: "sds-grpc",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: options.sds } } } }] }],
          },
          typed_extension_protocol_options: httpOptions({
            explicit_http_config: { http2_protocol_options: {} },
          }),
        },
      ],
      listeners: [
        listener(
          "in",
          { ...chain, ...(options.in !== undefined && { transport_socket: options.in }) },
          {
            address: loopback(options.port),
            listener_filters: [
              {
                name: "tls_inspector",
                typed_config: { "@type": `${type}filters.listener.tls_inspector.v3.TlsInspector` },
              },
            ],
          },
        ),
      ],
    },
  };
}

/** For tests: the executable of Envoy. */
export const envoy = peer("envoy");

/** For tests: starts a proxy and waits until it takes connections. */
export async function run(proxy: "weft" | "envoy", config: JsonValue, cleanup: Cleanup): Promise<void> {
  if (proxy === "weft") {
    const started = await startProxy(config, cleanup);
    await until(() => started.state === "LIVE", "LIVE");
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "weft-envoy-"));
  cleanup.add(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "envoy.json"), JSON.stringify(config));
  const child = await startChild(envoy ?? "", {
    args: [
      "-c",
      join(folder, "envoy.json"),
      "--concurrency",
      "1",
      "--disable-hot-restart",
      "--use-dynamic-base-id",
    ],
    ready: /all dependencies initialized|starting workers/,
  });
  cleanup.add(() => child.stop());
  // Workers start to listen after that line.
  const { admin } = config as { admin: { address: { socket_address: { port_value: number } } } };
  const listeners = `http://127.0.0.1:${admin.address.socket_address.port_value}/ready`;
  let ready = false;
  while (!ready)
    ready = await fetch(listeners).then(
      ({ ok }) => ok,
      () => false,
    );
}

/** For tests: an application that answers with the certificate header it was sent. */
export async function startApp(cleanup: Cleanup): Promise<number> {
  const server = createServer((request, response) =>
    response.end(String(request.headers["x-forwarded-client-cert"])),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port; // it listens on TCP
}
