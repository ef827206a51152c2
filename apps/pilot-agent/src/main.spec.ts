import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dirname, "main.ts");

/** Runs the app until it ends. */
function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 10_000 };
    execFile(process.execPath, ["--no-warnings", main, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe("pilot-agent", () => {
  it("writes the bootstrap and nothing else with --dry-run", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-agent-"));
    const { code, stdout } = await run(["proxy", "router", "--dry-run"], {
      INSTANCE_IP: "127.9.9.9",
      POD_NAME: "gw-1",
      POD_NAMESPACE: "istio-system",
      PROXY_CONFIG: `configPath: ${folder}\nproxyAdminPort: 15100\n`,
    });
    expect([code, stdout]).toEqual([0, `${join(folder, "envoy-rev.json")}\n`]);
    expect(JSON.parse(readFileSync(stdout.trim(), "utf8"))).toMatchObject({
      node: { id: "router~127.9.9.9~gw-1.istio-system~istio-system.svc.cluster.local" },
      admin: { address: { socket_address: { address: "127.9.9.9", port_value: 15100 } } },
    });
    rmSync(folder, { recursive: true });
  });

  it("asks the agent to drain, as a pod's preStop does, and waits for a proxy to be ready", async () => {
    const asked: string[] = [];
    const agent = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      // The proxy is ready at the second question.
      response.writeHead(asked.filter((line) => line.startsWith("GET")).length === 1 ? 503 : 200).end("OK\n");
    });
    await new Promise<void>((resolve) => agent.listen(0, "127.0.0.1", resolve));
    const { port } = agent.address() as AddressInfo;
    const drained = await run(["request", `--debug-port=${port}`, "POST", "drain"]);
    const waited = await run([
      "wait",
      "--url",
      `http://127.0.0.1:${port}/healthz/ready`,
      "--periodMillis",
      "1",
    ]);
    await new Promise((resolve) => agent.close(resolve));
    expect([drained.code, drained.stdout, waited.code]).toEqual([0, "OK\n", 0]);
    expect(asked).toEqual(["POST /drain", "GET /healthz/ready", "GET /healthz/ready"]);
  });

  it.each([
    [["proxy", "waypoint"], "a proxy is sidecar or router"],
    [["proxy", "--concurrency", "many"], "it must be a whole number, 0 or more"],
    [["proxy", "--proxy", "envoy", "--envoy-binary", "/nonexistent"], "/nonexistent is no executable file"],
    [["wait", "--url", "http://127.0.0.1:1/", "--timeoutSeconds", "0"], "the proxy was not ready within 0 s"],
    [["request", "GET", "stats", "--port", "1"], "GET http://127.0.0.1:1/stats: connect ECONNREFUSED"],
  ])("says of %j what is wrong, and exits with 1", async (args, message) => {
    const folder = mkdtempSync(join(tmpdir(), "weft-agent-"));
    const { code, stderr } = await run(args, { PROXY_CONFIG: `{"configPath":"${folder}"}` });
    expect(stderr).toContain(message);
    expect(code).toBe(1);
    rmSync(folder, { recursive: true });
  });
});
