import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseFile } from "@weft/config-sources";
import { type Child, describeWithPeer, freePorts, startChild, toYaml } from "@weft/testkit";
import { createXdsRelay, type XdsRelay } from "@weft/xds";
import { startPilot } from "./testing/start-pilot.ts";

/** A service whose requests are answered with a status, by its VirtualService. */
const service = (name: string, status: number, port = 80) => [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { clusterIP: "10.96.0.6", ports: [{ name: "http", port }] },
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: "default" },
    spec: { hosts: [name], http: [{ directResponse: { status } }] },
  },
];

/** The client's listeners: a forward proxy, and one for each of `ports`. */
const sidecar = (proxyPort: number, ports: readonly number[]) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "Sidecar",
  metadata: { name: "client", namespace: "default" },
  spec: {
    egress: [
      { protocol: "HTTP_PROXY", number: proxyPort },
      ...ports.map((number) => ({ protocol: "HTTP", number })),
    ].map(({ protocol, number }) => ({
      port: { number, protocol, name: `p${number}` },
      bind: "127.0.0.1",
      captureMode: "NONE",
      hosts: ["*/*"],
    })),
    outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
  },
});

function bootstrap(xds: number, admin: number): object {
  const source = { resource_api_version: "V3", ads: {} };
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: xds } } };
  return {
    node: {
      id: "sidecar~127.0.0.1~client-1.default~default.svc.cluster.local",
      cluster: "client",
      metadata: { INTERCEPTION_MODE: "NONE", VIRTUAL_HOST_DISCOVERY: "true" },
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: admin } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
      cds_config: source,
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "xds-grpc",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: { cluster_name: "xds-grpc", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}

/** The status of a request to a host by way of a listener of the proxy; undefined where nobody listens. */
function ask(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    request(
      { host: "127.0.0.1", port, path: `http://${host}/`, headers: { host }, agent: false },
      (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      },
    )
      .on("error", () => resolve(undefined))
      .end();
  });
}

/** Asks until the answer is the one that is expected; the test's own time limit ends it. */
async function answers(port: number, host: string, status: number | undefined): Promise<void> {
  for (let last: number | undefined; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    last = await ask(port, host);
    if (last === status) return;
  }
}

/** A table in pilot's dump. */
interface Table {
  readonly route_config: { readonly virtual_hosts: readonly { readonly name: string }[] };
}

/** Updates of route configurations, but not of their hosts: Envoy counts for each table, Weft's proxy for all. */
const updates = "(^|[.])rds[.](http_proxy[.])?update_success";

/** Gives the routes of a service configuration for a filter that no proxy has; pilot cannot know that. */
const unknownFilter = (name: string) => ({
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "EnvoyFilter",
  metadata: { name: "unknown", namespace: "default" },
  spec: {
    configPatches: [
      {
        applyTo: "VIRTUAL_HOST",
        match: { routeConfiguration: { vhost: { name: `${name}.default.svc.cluster.local:80` } } },
        patch: {
          operation: "MERGE",
          value: {
            typed_per_filter_config: {
              "weft.test.unknown": { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "x" },
            },
          },
        },
      },
    ],
  },
});

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What must hold with any proxy that takes virtual hosts as resources. */
function contract(start: (config: string) => Promise<Child>, { relayed = false } = {}) {
  let folder: string;
  let pilot: Awaited<ReturnType<typeof startPilot>>;
  let relay: XdsRelay | undefined;
  let proxy: Child;
  let [pilotPort, admin, forward, more] = [0, 0, 0, 0];

  const become = (ports: readonly number[], ...services: readonly object[][]) => {
    const text = [...services.flat(), sidecar(forward, ports)].map(toYaml).join("---\n");
    const { objects, problems } = parseFile("mesh.yaml", text);
    expect(problems).toEqual([]);
    pilot.become(objects);
  };
  const dump = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${admin}/config_dump?resource=dynamic_route_configs`)).text();
  const stat = async (name: string): Promise<number> => {
    const text = await (
      await fetch(`http://127.0.0.1:${admin}/stats?filter=${encodeURIComponent(name)}`)
    ).text();
    return text.split("\n").reduce((sum, line) => sum + Number(line.split(": ")[1] ?? 0), 0);
  };
  const restart = async (...mesh: Parameters<typeof become>) => {
    await pilot.pilot.close();
    pilot = await startPilot({ grpc: { host: "127.0.0.1", port: pilotPort } });
    become(...mesh);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-vhds-"));
    [pilotPort = 0, admin = 0, forward = 0, more = 0] = await freePorts(4);
    pilot = await startPilot({ grpc: { host: "127.0.0.1", port: pilotPort } });
    become([], service("a", 201), service("b", 202));
    relay = relayed ? createXdsRelay({ upstream: { address: `127.0.0.1:${pilotPort}` } }) : undefined;
    const port = (await relay?.listen("127.0.0.1:0")) ?? pilotPort;
    const config = join(folder, "bootstrap.json");
    await writeFile(config, JSON.stringify(bootstrap(port, admin)));
    proxy = await start(config);
  });
  afterEach(async () => {
    await proxy?.stop();
    await relay?.close();
    await pilot?.pilot.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("routes by the hosts it gets one by one, and takes changes and removals", async () => {
    await answers(forward, "a", 201);
    await answers(forward, "b.default", 202);
    expect(await ask(forward, "nobody")).toBe(502);
    const shown = await dump();
    expect(shown).toContain('"vhds"');
    expect(shown).toContain('"http_proxy/a.default.svc.cluster.local:80"');
    const given = await fetch(
      `http://${pilot.pilot.addresses.http}/debug/config_dump?proxyID=client-1.default`,
    );
    const { configs } = (await given.json()) as { configs: { dynamic_route_configs?: Table[] }[] };
    const [table] = configs.flatMap(({ dynamic_route_configs: tables }) => tables ?? []);
    expect(table?.route_config.virtual_hosts.map(({ name }) => name)).toEqual([
      "http_proxy/a.default.svc.cluster.local:80",
      "http_proxy/b.default.svc.cluster.local:80",
      "http_proxy/block_all",
    ]);
    const tables = await stat(updates);
    become([], service("a", 211), service("b", 202));
    await answers(forward, "a", 211);
    become([], service("a", 211), service("c", 203));
    await answers(forward, "c", 203);
    expect(await ask(forward, "b")).toBe(502);
    expect(await dump()).not.toContain("http_proxy/b.default");
    expect(await stat(updates)).toBe(tables);
  }, 30_000);

  it("goes on while pilot is away, and from there when it comes back", async () => {
    await answers(forward, "a", 201);
    await pilot.pilot.close();
    expect([await ask(forward, "a"), await ask(forward, "b")]).toEqual([201, 202]);
    pilot = await startPilot({ grpc: { host: "127.0.0.1", port: pilotPort } });
    become([], service("a", 211), service("c", 203));
    await answers(forward, "a", 211);
    expect([await ask(forward, "b"), await ask(forward, "c")]).toEqual([502, 203]);
    become([], service("a", 221), service("b", 202));
    await answers(forward, "a", 221);
    expect([await ask(forward, "b"), await ask(forward, "c")]).toEqual([202, 502]);
    await restart([], service("a", 221), service("b", 212));
    await answers(forward, "b", 212);
    await restart([], service("b", 212));
    await answers(forward, "a", 502);
    expect(await stat("vhds.*update_rejected")).toBe(0);
  }, 60_000);

  it("takes the others where one is bad, keeps the last good of that, and has its object blamed", async () => {
    await answers(forward, "a", 201);
    await answers(forward, "b", 202);
    become([], service("a", 211), service("b", 212), [unknownFilter("b")]);
    await answers(forward, "a", 211);
    const status = await eventually(async () => {
      const response = await fetch(`http://${pilot.pilot.addresses.http}/debug/push_status`);
      const { nacked } = (await response.json()) as { nacked: { resource: string; object: string }[] };
      return nacked.some(({ resource }) => resource !== "") ? nacked : undefined;
    });
    expect(await ask(forward, "b")).toBe(202);
    expect(new Set(status.map(({ resource }) => resource))).toEqual(
      new Set(["http_proxy/b.default.svc.cluster.local:80"]),
    );
    expect(status.map(({ object }) => object).join()).toContain("EnvoyFilter default/unknown");
    become([], service("a", 221), service("b", 212), [unknownFilter("b")]);
    await answers(forward, "a", 221);
    expect(await ask(forward, "b")).toBe(202);
    become([], service("a", 221), service("b", 212));
    await answers(forward, "b", 212);
    await eventually(async () => {
      const response = await fetch(`http://${pilot.pilot.addresses.http}/debug/syncz`);
      const [entry] = (await response.json()) as { nacks: object }[];
      return entry !== undefined && Object.keys(entry.nacks).length === 0 ? true : undefined;
    });
  }, 30_000);

  it("warms a listener that comes later, goes, and comes again", async () => {
    const late = (status: number) => service("late", status, more);
    await answers(forward, "a", 201);
    for (const status of [204, 205]) {
      become([more], service("a", 201), late(status));
      await answers(more, "late", status);
      become([], service("a", 201));
      await answers(more, "late", undefined);
    }
    // The same hosts as before it went, by their versions.
    become([more], service("a", 201), late(205));
    await answers(more, "late", 205);
    await restart([more], service("a", 201), late(206));
    await answers(more, "late", 206);
  }, 60_000);
}

describeWithPeer("envoy", "virtual hosts of pilot in real Envoy", (envoy) => {
  const start = (config: string) =>
    startChild(envoy, {
      args: [
        "-c",
        config,
        "-l",
        "info",
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "--drain-time-s",
        "1",
      ],
      ready: /starting main dispatch loop/,
    });
  contract(start);
  describe("behind the agent's relay", () => contract(start, { relayed: true }));
});

describe("virtual hosts of pilot in Weft's proxy", () => {
  const main = fileURLToPath(new URL("../../../apps/proxy/src/main.ts", import.meta.url));
  const start = (config: string) =>
    startChild(process.execPath, { args: ["--no-warnings", main, "-c", config, "--drain-time-s", "1"] });
  contract(start);
  describe("behind the agent's relay", () => contract(start, { relayed: true }));
});
