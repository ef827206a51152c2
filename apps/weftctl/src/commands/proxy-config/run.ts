import { readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { fetchJson } from "../../mesh/fetch-json.ts";
import { findProxy } from "../../mesh/find-proxy.ts";
import { formatValue, type OutputFormat } from "../../output/format.ts";
import { toCamelCase } from "../../output/proto-json.ts";
import { clusterTable, selectClusters } from "./clusters.ts";
import { type Json, object, readConfigDump, text } from "./config-dump.ts";
import { endpointTable, readEndpoints, selectEndpoints } from "./endpoints.ts";
import { listenerTable, selectListeners } from "./listeners.ts";
import { routeTable, selectRoutes } from "./routes.ts";
import { secretTable } from "./secrets.ts";

/** Which part of a proxy's configuration is shown. */
export type ProxyConfigPart =
  | "clusters"
  | "listeners"
  | "routes"
  | "endpoints"
  | "secret"
  | "bootstrap"
  | "all";

/** Flags of all `proxy-config` commands; each command takes those that fit it. */
export interface ProxyConfigOptions {
  /** Where a local mesh's state is looked for. */
  readonly env: NodeJS.ProcessEnv;
  readonly output: OutputFormat;
  /** `host:port` of the proxy's admin API. */
  readonly proxyAdmin?: string;
  /** A config dump (for endpoints: a cluster status) instead of a proxy; `-` for stdin. */
  readonly file?: string;
  readonly fqdn?: string;
  readonly direction?: string;
  readonly subset?: string;
  readonly port?: number;
  readonly address?: string;
  readonly type?: string;
  readonly name?: string;
  readonly cluster?: string;
  readonly status?: string;
  readonly verbose?: boolean;
}

/** Gets a page of the admin API, or what stands in for it. */
type Admin = (path: string) => Promise<unknown>;

/** Prints the part of a proxy's configuration. */
export async function proxyConfig(
  part: ProxyConfigPart,
  proxy: string | undefined,
  options: ProxyConfigOptions,
  out: Writable,
): Promise<void> {
  const admin = await openAdmin(proxy, options);
  out.write(await show(part, admin, options));
}

async function openAdmin(proxy: string | undefined, options: ProxyConfigOptions): Promise<Admin> {
  const { file, proxyAdmin } = options;
  if (file !== undefined) {
    const content = readFileSync(file === "-" ? 0 : file, "utf8");
    return async () => {
      try {
        return JSON.parse(content);
      } catch (error) {
        throw new Error(`${file}: is no JSON: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
  }
  // Not needed, and so not loaded, where the address is given.
  const mesh =
    proxyAdmin === undefined ? (await import("@weft/local-mesh")).findMeshState(options.env) : undefined;
  const { name, admin } = findProxy(mesh, proxy, proxyAdmin);
  return (path) => fetchJson(`proxy ${name}`, admin, path);
}

const dumpPath = "/config_dump?include_eds";
const clustersPath = "/clusters?format=json";

async function show(part: ProxyConfigPart, admin: Admin, options: ProxyConfigOptions): Promise<string> {
  if (part === "all") return showAll(admin, options);
  if (part === "endpoints") return showEndpoints(await admin(clustersPath), options);
  return showPart(part, await admin(dumpPath), options);
}

function showPart(
  part: Exclude<ProxyConfigPart, "all" | "endpoints">,
  configDump: unknown,
  options: ProxyConfigOptions,
): string | Promise<string> {
  const { output } = options;
  const dump = readConfigDump(configDump);
  const typed = (typeName: string, list: readonly Json[]) =>
    formatValue(
      list.map((json) => toCamelCase(typeName, withoutType(json))),
      output === "yaml" ? "yaml" : "json",
    );
  switch (part) {
    case "clusters": {
      const clusters = selectClusters(dump.clusters, options);
      return output === "short" ? clusterTable(clusters) : typed("envoy.config.cluster.v3.Cluster", clusters);
    }
    case "listeners": {
      const listeners = selectListeners(dump.listeners, options);
      if (output === "short") return listenerTable(listeners, options.verbose ?? true);
      return typed("envoy.config.listener.v3.Listener", listeners);
    }
    case "routes": {
      const routes = selectRoutes(dump.routes, options);
      return output === "short"
        ? routeTable(routes)
        : typed("envoy.config.route.v3.RouteConfiguration", routes);
    }
    case "secret":
      if (output === "short") return secretTable(dump.secrets, Date.now());
      return typed(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        dump.secrets.map(({ secret }) => secret),
      );
    case "bootstrap":
      return showBootstrap(dump.bootstrap, output);
  }
}

/** The resource itself: that it came in an Any is of no interest to the reader. */
function withoutType({ "@type": _type, ...fields }: Json): Json {
  return fields;
}

function showBootstrap(bootstrap: Json | undefined, output: OutputFormat): string | Promise<string> {
  if (bootstrap === undefined) throw new Error("the config dump holds no bootstrap");
  if (output !== "short") {
    const shown = toCamelCase("envoy.config.bootstrap.v3.Bootstrap", bootstrap);
    return formatValue({ bootstrap: shown }, output);
  }
  const node = object(bootstrap.node);
  const metadata = object(node.metadata);
  const lines = [
    `Node: ${text(node.id)}`,
    `Cluster: ${text(node.cluster)}`,
    `Istio Version: ${text(metadata.ISTIO_VERSION) || "-"}`,
    `Proxy: ${text(node.user_agent_name) || "-"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function showEndpoints(clusters: unknown, options: ProxyConfigOptions): string | Promise<string> {
  const { output } = options;
  const endpoints = selectEndpoints(readEndpoints(clusters), options);
  return output === "short" ? endpointTable(endpoints) : formatValue(endpoints, output);
}

/** The tables one below the other; as JSON the proxy's own config dump, which `--file` takes again. */
async function showAll(admin: Admin, options: ProxyConfigOptions): Promise<string> {
  const dump = await admin(dumpPath);
  if (options.output !== "short") return formatValue(dump, options.output);
  const tables = [
    await showPart("clusters", dump, options),
    await showPart("listeners", dump, options),
    await showPart("routes", dump, options),
    await showPart("secret", dump, options),
    ...(options.file === undefined ? [await showEndpoints(await admin(clustersPath), options)] : []),
  ];
  return tables.join("\n");
}
