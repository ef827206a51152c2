import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peer } from "@weft/testkit";
import { until } from "./until.ts";

/** An Envoy process, started for a test. */
export interface RealEnvoy {
  /** Asks the admin interface; JSON where it answers with JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into Envoy's JSON as it is
  admin(path: string): Promise<any>;
  /** The resources of one section of `/config_dump` that are in use, by name. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into Envoy's JSON as it is
  active(section: "clusters" | "listeners" | "routes"): Promise<Map<string, any>>;
  /** What it has written so far; for when a test fails. */
  log(): string;
  close(): Promise<void>;
}

/** Starts Envoy with a bootstrap (JSON), and waits until its admin interface answers. */
export async function startEnvoy(bootstrap: object): Promise<RealEnvoy> {
  const binary = peer("envoy");
  if (binary === undefined) throw new Error("no Envoy: run npm run peers, or set ENVOY_BIN");
  const folder = await mkdtemp(join(tmpdir(), "weft-envoy-"));
  const config = join(folder, "bootstrap.json");
  const addressFile = join(folder, "admin");
  const admin = { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
  await writeFile(config, JSON.stringify({ ...bootstrap, admin }));
  // biome-ignore format: one option beside the other
  const child = spawn(binary, ["-c", config, "--admin-address-path", addressFile, "--disable-hot-restart",
    "--concurrency", "1", "-l", "warning"], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-65_536);
  });
  const request = async (path: string) => {
    const address = await readFile(addressFile, "utf8");
    const response = await fetch(`http://${address}${path}`);
    const text = await response.text();
    return text.startsWith("{") ? JSON.parse(text) : text;
  };
  const close = async () => {
    await stop(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until("Envoy's admin interface", () => {
      if (child.exitCode !== null) throw new Error(`Envoy ended: ${log}`);
      return request("/server_info");
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { admin: request, active: (section) => active(request, section), log: () => log, close };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.on("exit", resolve);
    child.kill("SIGKILL");
  });
}

// biome-ignore lint/suspicious/noExplicitAny: Envoy's JSON
async function active(request: (path: string) => Promise<any>, section: string): Promise<Map<string, any>> {
  const dump = await request("/config_dump");
  // biome-ignore lint/suspicious/noExplicitAny: Envoy's JSON
  const found = new Map<string, any>();
  for (const part of dump.configs) {
    for (const entry of part[`dynamic_active_${section}`] ?? part[`dynamic_${section}`] ?? []) {
      const resource =
        entry.cluster ??
        entry.active_state?.listener ??
        (section === "routes" ? entry.route_config : undefined);
      if (resource !== undefined) found.set(resource.name, resource);
    }
    for (const entry of section === "routes" ? (part.dynamic_route_configs ?? []) : []) {
      found.set(entry.route_config.name, entry.route_config);
    }
  }
  return found;
}

/** How a test's Envoy gets its configuration. */
export interface XdsBootstrapOptions {
  readonly port: number;
  readonly apiType: "GRPC" | "DELTA_GRPC";
  /** A stream for each type instead of ADS. */
  readonly separate?: boolean;
}

/** A bootstrap that takes clusters and listeners from a server on loopback. */
export function xdsBootstrap({ port, apiType, separate = false }: XdsBootstrapOptions): object {
  const api = {
    api_type: apiType,
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
    set_node_on_first_message_only: true,
  };
  const source = { resource_api_version: "V3", ...(separate ? { api_config_source: api } : { ads: {} }) };
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: port } } };
  return {
    node: { id: "sidecar~127.0.0.1~test.default~default.svc.cluster.local", cluster: "test" },
    dynamic_resources: {
      ...(separate ? {} : { ads_config: api }),
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "xds",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: "xds", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}
