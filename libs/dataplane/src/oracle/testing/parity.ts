import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { checkout, freePorts, startChild } from "@weft/testkit";
import { httpChain, loopback } from "../../testing.ts";

/** For tests: a message of Envoy's extensions, as an Any in JSON. */
export const typed = (name: string, rest: object = {}): JsonValue => ({
  "@type": `type.googleapis.com/envoy.${name}`,
  ...rest,
});

/** For tests: a filter (or whatever has a name and a configuration). */
export const extension = (name: string, type: string, config: object = {}): JsonValue => ({
  name,
  typed_config: typed(type, config),
});

/** For tests: the router, as the last filter. */
export const routerFilter = extension(
  "envoy.filters.http.router",
  "extensions.filters.http.router.v3.Router",
);

/** For tests: a connection manager with filters before its router, and one virtual host. */
export const httpListenerChain = (
  statPrefix: string,
  filters: readonly JsonValue[],
  routes: readonly JsonValue[],
  more: {
    readonly host?: Readonly<Record<string, JsonValue>>;
    readonly manager?: Readonly<Record<string, JsonValue>>;
  } = {},
): JsonValue =>
  httpChain(
    {
      stat_prefix: statPrefix,
      http_filters: [...filters, routerFilter],
      route_config: {
        name: statPrefix,
        validate_clusters: false,
        virtual_hosts: [{ name: statPrefix, domains: ["*"], routes: [...routes], ...more.host }],
      },
    },
    more.manager,
  );

/** For tests: a static cluster on loopback. */
export const staticCluster = (name: string, ports: readonly number[], more: object = {}): JsonValue => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: loopback(port) } })) }],
  },
  ...more,
});

/** For tests: what one of the two proxies runs with. */
export interface ParityConfig {
  /** By name; each is given a port of its own. */
  readonly listeners: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  readonly clusters: readonly JsonValue[];
}

/** For tests: one of the two. */
export interface ParitySide {
  port(listener: string): number;
  /** Values of statistics whose names match, without those that are 0: Envoy makes some before there is a use for them. */
  stats(pattern: RegExp): Promise<Record<string, number>>;
}

/** For tests: starts Weft's proxy and real Envoy, each with the same configuration on ports of its own. */
export async function startBoth(
  envoy: string,
  configure: (side: "weft" | "envoy") => ParityConfig,
): Promise<{ readonly weft: ParitySide; readonly envoy: ParitySide; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "weft-parity-"));
  const start = async (side: "weft" | "envoy") => {
    const { listeners, clusters } = configure(side);
    const names = Object.keys(listeners);
    const [admin = 0, ...ports] = await freePorts(names.length + 1);
    const file = join(folder, `${side}.json`);
    await writeFile(
      file,
      JSON.stringify({
        node: { id: "parity", cluster: "parity-cluster" },
        admin: { address: loopback(admin) },
        static_resources: {
          listeners: names.map((name, at) => ({
            name,
            address: loopback(ports[at] ?? 0),
            ...listeners[name],
          })),
          clusters,
        },
      }),
    );
    const child = await (side === "weft"
      ? startChild(process.execPath, {
          args: [join(checkout, "apps/proxy/src/main.ts"), "-c", file],
          ready: /"live"/,
        })
      : startChild(envoy, {
          args: ["-c", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "info"],
          ready: /starting main dispatch loop/,
        }));
    return {
      child,
      port: (name: string) => ports[names.indexOf(name)] ?? 0,
      async stats(pattern: RegExp) {
        const text = await (await fetch(`http://127.0.0.1:${admin}/stats`)).text();
        const rows = [...text.matchAll(/^(.+?): (\d+)$/gm)].flatMap(([, name = "", value]) =>
          pattern.test(name) && value !== "0" ? [[name, Number(value)] as const] : [],
        );
        return Object.fromEntries(rows);
      },
    };
  };
  const [weft, peer] = await Promise.all([start("weft"), start("envoy")]);
  return {
    weft,
    envoy: peer,
    close: async () => {
      await Promise.all([weft.child.stop(), peer.child.stop()]);
      await rm(folder, { recursive: true });
    },
  };
}

/** For tests: a response with what is never the same taken out, its header lines in one order. */
export function normalizeResponse(response: string): string {
  return response
    .replace(/(HTTP\/1\.1 \d+) .*/g, "$1")
    .replace(/^date: .*\r\n/gim, "")
    .replace(/(x-request-id: )[0-9a-f-]{36}/g, "$1ID")
    .replace(/(x-envoy-upstream-service-time: )\d+/g, "$1N")
    .split("\r\n\r\n")
    .map((part) => {
      const [first = "", ...lines] = part.split("\r\n");
      return [first, ...lines.sort()].join("\r\n");
    })
    .join("\r\n\r\n");
}
