import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, freePorts, startChild } from "@weft/testkit";

const main = join(import.meta.dirname, "../bin/weft-proxy.mjs");
const address = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });

/** A listener that forwards to a cluster on `upstream`. */
function bootstrap(admin: number, port: number, upstream: number) {
  return {
    admin: { address: address(admin) },
    static_resources: {
      clusters: [
        {
          name: "up",
          load_assignment: {
            cluster_name: "up",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
          },
        },
      ],
      listeners: [
        {
          name: "l",
          address: address(port),
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.tcp_proxy",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    stat_prefix: "t",
                    cluster: "up",
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}

describe("weft-proxy", () => {
  let folder: string;
  const children: Child[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-proxy-"));
  });
  afterAll(async () => {
    for (const child of children) await child.stop();
    await rm(folder, { recursive: true });
  });
  const file = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const run = async (args: readonly string[], ready?: RegExp) => {
    const child = await startChild(process.execPath, { args: [main, ...args], ...(ready && { ready }) });
    children.push(child);
    return child;
  };

  it("serves, tells that it is ready, and ends on SIGTERM once connections are done", async () => {
    const [admin = 0, port = 0] = await freePorts(2);
    // The admin API is its own upstream.
    const path = await file("good.json", JSON.stringify(bootstrap(admin, port, admin)));
    const child = await run(["-c", path, "--drain-time-s", "5"], /"message":"started"/);
    const status = await new Promise((resolve) => {
      get({ port, path: "/ready", agent: false, host: "127.0.0.1" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
    expect(status).toBe(200);
    const open = connect(port, "127.0.0.1");
    await new Promise((resolve) => open.once("connect", resolve));
    const ended = child.exited;
    process.kill(child.pid, "SIGTERM");
    const refused = () =>
      new Promise<boolean>((resolve) => {
        const probe = connect(port, "127.0.0.1", () => {
          probe.destroy();
          resolve(false);
        });
        probe.once("error", () => resolve(true));
      });
    while (!(await refused()));
    open.destroy();
    expect(await ended).toBe(0);
  });

  it("validates, with Envoy's exit codes", async () => {
    const good = await file("v.yaml", "static_resources:\n  clusters:\n  - name: c\n");
    const child = await run(["-c", good, "--mode", "validate"]);
    expect(await child.exited).toBe(0);
    expect(child.output()).toContain(`configuration '${good}' OK`);
    const bad = await file(
      "w.yaml",
      "static_resources:\n  clusters:\n  - name: c\n    health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}]\n",
    );
    const refused = await run(["-c", bad, "--mode", "validate"]);
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toContain(
      `${bad}: static_resources.clusters[0].health_checks: this proxy does not implement this field`,
    );
  });

  it.each([
    [["-c", "/nonexistent/bootstrap.json"], "no such file"],
    [["--config-yaml", "{"], "cannot start: not valid JSON"],
    [["--what"], "Unknown option '--what'"],
  ])("does not start with %j, and says why", async (args, message) => {
    const child = await run(args);
    expect(await child.exited).toBe(1);
    expect(child.output()).toContain(message);
  });
});
