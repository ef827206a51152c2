import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePorts, mountCertificates, mountedFiles } from "@weft/testkit";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";
import { parseAppProbes } from "./probes/parse.ts";
import { testAgentOptions, tryGet } from "./testing/agent-options.ts";

const fakeProxy = fileURLToPath(new URL("./testing/fake-proxy.ts", import.meta.url));

describe("startAgent()", () => {
  let options: AgentOptions;
  let agent: Agent | undefined;
  let log: string;

  const start = async (configured: boolean, more: Partial<AgentOptions> = {}) => {
    const base = await testAgentOptions(({ bootstrapFile }) => ({
      name: "fake",
      file: process.execPath,
      args: ["--no-warnings", fakeProxy, "-c", bootstrapFile],
      env: { ...process.env, FAKE_PROXY_LOG: log, FAKE_PROXY_CONFIGURED: configured ? "1" : "0" },
    }));
    options = { ...base, ...more };
    log = join(options.proxyConfig.configPath, "proxy.log");
    agent = await startAgent(options);
    return agent;
  };
  const status = (path: string, init?: RequestInit) =>
    tryGet(`http://127.0.0.1:${options.ports.status}${path}`, init);
  const proxySaid = () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  const proxyStarts = (count: number) =>
    eventually(() => {
      const starts = proxySaid().filter((line) => line.startsWith("started "));
      return starts.length >= count ? starts : undefined;
    });

  afterEach(async () => {
    await agent?.close();
    agent = undefined;
    rmSync(options.proxyConfig.configPath, { recursive: true, force: true });
  });

  it("is not ready before the proxy has its configuration, and says so", async () => {
    await start(false);
    await proxyStarts(1);
    expect(await status("/healthz/ready")).toEqual({
      status: 503,
      text: "config not received from XDS server (is pilot-discovery running?): cds updates: 0 successful, 0 rejected; lds updates: 0 successful, 0 rejected\n",
    });
  });

  it("is ready with it, and merges the metrics of the proxy and its own", async () => {
    await start(true);
    await proxyStarts(1);
    expect((await status("/healthz/ready"))?.status).toBe(200);
    const metrics = (await status("/stats/prometheus"))?.text ?? "";
    expect(metrics).toContain("fake_proxy{} 1\n");
    expect(metrics).toMatch(/^istio_agent_startup_duration_seconds \d/m);
    expect(metrics).toMatch(/^istio_agent_scrape_failures_total\{type="envoy"\} 0$/m);
  });

  it("serves mounted certificates, takes renewed ones, and says when they expire", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-certs-"));
    const files = mountedFiles(folder);
    const expiry = async () => {
      const text = (await status("/stats/prometheus"))?.text ?? "";
      const days = /^istio_agent_cert_expiry_seconds\{resource_name="default"\} (.+)$/m.exec(text)?.[1];
      return days === undefined ? undefined : Math.round(Number(days) / 86_400);
    };
    await mountCertificates(files, 3);
    await start(true, { secrets: { kind: "files", files } });
    expect(await eventually(expiry)).toBe(3);
    expect(statSync(options.sdsSocket).isSocket()).toBe(true);
    await mountCertificates(files, 5);
    await eventually(async () => ((await expiry()) === 5 ? true : undefined));
    await agent?.close();
    expect(existsSync(options.sdsSocket)).toBe(false);
    rmSync(folder, { recursive: true });
  });

  it("serves no certificate where none is configured, and says so once", async () => {
    const said: string[] = [];
    const log = (...args: unknown[]) => said.push(String(args.at(-1)));
    await start(true, { logger: { info: log, warn: log, error: log } as never });
    expect(said.filter((line) => line.includes("the proxy gets no certificate"))).toHaveLength(1);
    expect(existsSync(options.sdsSocket)).toBe(false);
    expect((await status("/stats/prometheus"))?.text).not.toContain("cert_expiry_seconds{");
  });

  it("merges the application's metrics, and counts where that fails", async () => {
    const app = createServer((request, response) => response.end(`app_path{path="${request.url}"} 1\n`));
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    const { port } = app.address() as AddressInfo;
    await start(true, { appMetrics: [{ path: "/m", port }] });
    expect((await status("/stats/prometheus"))?.text).toContain('app_path{path="/m"} 1\n');
    await new Promise((resolve) => app.close(resolve));
    const without = (await status("/stats/prometheus"))?.text;
    expect(without).not.toContain("app_path");
    expect((await status("/metrics"))?.text).toMatch(
      /^istio_agent_scrape_failures_total\{type="application"\} 1$/m,
    );
  });

  it("answers the kubelet's probes for the application", async () => {
    const app = createServer((request, response) =>
      response.writeHead(request.url === "/ok" ? 201 : 503).end(),
    );
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    const { port } = app.address() as AddressInfo;
    const httpGet = (path: string) => ({ httpGet: { path, port } });
    const { value: known } = parseAppProbes(
      JSON.stringify({
        "/app-health/web/readyz": httpGet("/ok"),
        "/app-health/web/livez": httpGet("/sick"),
        "/app-lifecycle/web/prestopz": httpGet("/ok"),
      }),
    );
    const target = { host: "127.0.0.1", localAddress: undefined, keepAlive: false };
    await start(true, { probes: { known, target } });
    const statusOf = async (path: string) => (await status(path))?.status;
    expect(await statusOf("/app-health/web/readyz")).toBe(201);
    expect(await statusOf("/app-health/web/livez")).toBe(503);
    expect(await statusOf("/app-lifecycle/web/prestopz")).toBe(201);
    expect(await status("/app-health/other/livez")).toEqual({
      status: 400,
      text: "no probe of the application is at /app-health/other/livez\n",
    });
    await new Promise((resolve) => app.close(resolve));
    expect(await statusOf("/app-health/web/readyz")).toBe(500);
  });

  it("is not ready before it can answer DNS, and shows no names", async () => {
    const [at] = await freePorts(1);
    const dns = {
      addresses: [{ address: "127.0.0.1", port: at ?? 0 }],
      upstreams: [],
      parallel: false,
      namespace: "default",
      domain: "",
      search: [],
    };
    await start(true, { dns });
    await proxyStarts(1);
    expect(await status("/healthz/ready")).toEqual({
      status: 503,
      text: "DNS lookup table is not ready yet: pilot has sent no names\n",
    });
    expect(await status("/debug/ndsz")).toEqual({ status: 404, text: "{}" });
  });

  it("drains at /drain, and runs on", async () => {
    await start(true);
    await proxyStarts(1);
    expect((await status("/drain"))?.status).toBe(405);
    expect(await status("/drain", { method: "POST" })).toEqual({ status: 200, text: "OK\n" });
    expect(proxySaid().at(-1)).toBe("POST /drain_listeners?inboundonly&graceful&skip_exit");
    expect((await status("/healthz/ready"))?.status).toBe(200);
  });

  it("starts a killed proxy again", async () => {
    const running = await start(true);
    await proxyStarts(1);
    const first = running.proxyPid();
    process.kill(first ?? 0, "SIGKILL");
    await proxyStarts(2);
    expect(running.proxyPid()).not.toBe(first);
    expect((await status("/metrics"))?.text).toMatch(/^istio_agent_proxy_restarts_total 1$/m);
  });

  it("has the proxy drain its inbound listeners, then ends it", async () => {
    const running = await start(true);
    await proxyStarts(1);
    await running.drainAndStop();
    expect(proxySaid().slice(-2)).toEqual([
      "POST /drain_listeners?inboundonly&graceful&skip_exit",
      "SIGTERM",
    ]);
    expect(await running.ended).toEqual({ kind: "stopped" });
    expect(await status("/healthz/ready")).toBeUndefined();
  });

  it("drains all listeners of a gateway", async () => {
    const running = await start(true, { role: "router" });
    await proxyStarts(1);
    await running.drainAndStop();
    expect(proxySaid()).toContain("POST /drain_listeners?graceful&skip_exit");
  });

  it("ends at /quitquitquit, which is a POST", async () => {
    const running = await start(true);
    await proxyStarts(1);
    expect((await status("/quitquitquit"))?.status).toBe(405);
    expect((await status("/quitquitquit", { method: "POST" }))?.status).toBe(200);
    expect(await running.ended).toEqual({ kind: "stopped" });
  });

  it("says which port is taken, and starts no proxy then", async () => {
    await start(true);
    await proxyStarts(1);
    const other = await testAgentOptions(options.proxyCommand);
    const clash = { ...other, ports: { ...other.ports, status: options.ports.status } };
    await expect(startAgent(clash)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${options.ports.status}: the port is taken`,
    );
    rmSync(other.proxyConfig.configPath, { recursive: true, force: true });
    expect(proxySaid().filter((line) => line.startsWith("started "))).toHaveLength(1);
  });

  it("says that a folder's name is too long for a socket", async () => {
    options = await testAgentOptions(options.proxyCommand);
    const configPath = join(options.proxyConfig.configPath, "x".repeat(100));
    const long = { ...options, proxyConfig: { ...options.proxyConfig, configPath } };
    await expect(startAgent(long)).rejects.toThrow(
      /^configPath .* is too long: the socket .* characters at most$/,
    );
  });
});
