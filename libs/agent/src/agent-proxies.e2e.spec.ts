import { Resolver } from "node:dns/promises";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import { fromEnvoyJson, type ResourceSet, typeUrls } from "@weft/envoy-api";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { describeWithPeer, eventually, freePorts } from "@weft/testkit";
import { createResourceSet, createXdsServer, encodeResource, type XdsServer } from "@weft/xds";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";
import { envoyCommand, weftCommand } from "./proxy/command.ts";
import { testAgentOptions, tryGet } from "./testing/agent-options.ts";
import { nameTable } from "./testing/dns-peers.ts";

/** A listener that answers everything by itself. */
const answering = (port: number, body: string) => ({
  name: "answering",
  address: { socket_address: { address: "127.0.0.1", port_value: port } },
  filter_chains: [
    {
      filters: [
        {
          name: "envoy.filters.network.http_connection_manager",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix: "answering",
            route_config: {
              virtual_hosts: [
                {
                  name: "all",
                  domains: ["*"],
                  routes: [
                    {
                      match: { prefix: "/" },
                      direct_response: { status: 200, body: { inline_string: body } },
                    },
                  ],
                },
              ],
            },
            http_filters: [
              {
                name: "envoy.filters.http.router",
                typed_config: {
                  "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                },
              },
            ],
          },
        },
      ],
    },
  ],
});

function resourcesOf(port: number, body: string): ResourceSet {
  const encode = (schema: DescMessage, typeUrl: string, json: { name: string }) =>
    encodeResource(json.name, typeUrl, toBinary(schema, fromEnvoyJson(schema, json as never)));
  const names = nameTable({ [`${body}.example.com`]: ["192.0.2.1"] });
  return createResourceSet([
    encode(ListenerSchema, typeUrls.listener, answering(port, body)),
    encodeResource("nds", typeUrls.nameTable, toBinary(NameTableSchema, names)),
  ]);
}

/** What must hold with any proxy beside the agent. */
function contract(proxyCommand: AgentOptions["proxyCommand"]) {
  let options: AgentOptions;
  let agent: Agent;
  let pilot: XdsServer | undefined;
  let pilotPort: number;
  let port: number;
  let dnsPort: number;

  const startPilot = async (body: string) => {
    pilot = createXdsServer({
      onConnect: (connection) => {
        connection.update(resourcesOf(port, body));
        return undefined;
      },
    });
    await pilot.listen(`127.0.0.1:${pilotPort}`);
  };
  const stopPilot = async () => {
    await pilot?.close(0);
    pilot = undefined;
  };
  const traffic = () => tryGet(`http://127.0.0.1:${port}/`);
  const resolve = (name: string) => {
    const resolver = new Resolver({ timeout: 2_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${dnsPort}`]);
    return resolver.resolve4(name).catch(({ code }: { code: string }) => code);
  };
  const answers = (body: string) =>
    eventually(async () => ((await traffic())?.text === body ? true : undefined));

  beforeEach(async () => {
    [pilotPort = 0, port = 0, dnsPort = 0] = await freePorts(3);
    const dns = {
      addresses: [{ address: "127.0.0.1", port: dnsPort }],
      upstreams: [],
      parallel: false,
      namespace: "default",
      domain: "default.svc.cluster.local",
      search: [],
    };
    options = {
      ...(await testAgentOptions(proxyCommand, { discoveryAddress: `127.0.0.1:${pilotPort}` })),
      dns,
    };
    await startPilot("one");
    agent = await startAgent(options);
  });
  afterEach(async () => {
    await agent.close();
    await stopPilot();
    rmSync(options.proxyConfig.configPath, { recursive: true, force: true });
  });

  it("goes on without pilot, and gives a proxy that was killed what it had", async () => {
    const { ports } = options;
    await answers("one");
    const ready = await eventually(() => tryGet(`http://127.0.0.1:${ports.health}/healthz/ready`));
    expect(ready).toEqual({ status: 200, text: "ready\n" });
    await stopPilot();
    expect((await traffic())?.text).toBe("one");

    const killed = agent.proxyPid();
    process.kill(killed ?? 0, "SIGKILL");
    await eventually(() => (agent.proxyPid() === killed ? undefined : true));
    await answers("one");

    await startPilot("two");
    await answers("two");
    const stats = await tryGet(`http://127.0.0.1:${ports.stats}/stats/prometheus`);
    expect(stats?.text).toMatch(/^envoy_server_live\{?\}? 1$/m);
    await agent.drainAndStop();
    expect(await traffic()).toBeUndefined();
  }, 30_000);

  it("answers for the names that pilot sends, with pilot or without, and says which", async () => {
    await answers("one");
    await eventually(async () => (Array.isArray(await resolve("one.example.com")) ? true : undefined));
    await stopPilot();
    expect(await resolve("one.example.com")).toEqual(["192.0.2.1"]);
    await startPilot("two");
    await eventually(async () => (Array.isArray(await resolve("two.example.com")) ? true : undefined));
    expect(await resolve("one.example.com")).toBe("ESERVFAIL"); // there is nobody to ask
    const page = (path: string) => tryGet(`http://127.0.0.1:${options.ports.status}${path}`);
    expect(JSON.parse((await page("/debug/ndsz"))?.text ?? "")).toEqual({
      table: { "two.example.com": { ips: ["192.0.2.1"], registry: "External" } },
    });
    const metrics = (await page("/stats/prometheus"))?.text;
    expect(metrics).toMatch(/^istio_agent_dns_requests_total [1-9]\d*$/m);
    expect(metrics).toMatch(/^istio_agent_dns_upstream_failures_total [1-9]\d*$/m);
    expect(metrics).toMatch(/^istio_agent_dns_upstream_request_duration_seconds_count [1-9]\d*$/m);
  }, 30_000);
}

describeWithPeer("envoy", "an agent with real Envoy", (envoy) => {
  contract((options) => envoyCommand(envoy, options));
});

describe("an agent with Weft's proxy", () => {
  const main = fileURLToPath(new URL("../../../apps/proxy/src/main.ts", import.meta.url));
  contract((options) => weftCommand(main, options));
});
