import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "@weft/testkit";

const citadelMain = fileURLToPath(new URL("./main.ts", import.meta.url));
const agentMain = fileURLToPath(new URL("../../pilot-agent/src/main.ts", import.meta.url));
/** An address that nothing else of this machine takes. */
const instanceIp = "127.1.200.10";
const anyPorts = ["--secure-grpc-port", "--grpc-port", "--admin-port", "--monitoring-port"].flatMap(
  (flag) => [flag, "0"],
);

const onLinux = process.platform === "linux" ? describe : describe.skip;

onLinux("citadel and pilot-agent as processes", () => {
  const started: Child[] = [];
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-apart-"));
  });
  afterEach(async () => {
    for (const child of started.splice(0).reverse()) await child.stop();
    rmSync(folder, { recursive: true });
  });
  const run = async (args: readonly string[], options: Parameters<typeof startChild>[1] = {}) => {
    const child = await startChild(process.execPath, { ...options, args: ["--no-warnings", ...args] });
    started.push(child);
    return child;
  };

  it("give a workload its certificate with nothing but a token and the file of roots", async () => {
    const state = join(folder, "citadel");
    const serve = [citadelMain, "--bind-address", "127.0.0.1", ...anyPorts, "--state-dir", state];
    const citadel = await run(serve, { ready: /"message":"listening"/ });
    const port = /"grpc":\["127\.0\.0\.1:(\d+)"/.exec(citadel.output())?.[1];
    const holder = ["--namespace", "shop", "--service-account", "web"];
    const token = await run([citadelMain, "token", "--state-dir", state, ...holder]);
    await token.exited;
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, token.output());

    const agent = await run([agentMain, "proxy", "sidecar"], {
      cwd: folder,
      env: {
        POD_NAME: "web-1",
        POD_NAMESPACE: "shop",
        SERVICE_ACCOUNT: "web",
        INSTANCE_IP: instanceIp,
        PROXY_CONFIG: JSON.stringify({ discoveryAddress: `${instanceIp}:1`, configPath: folder }),
        CA_ADDR: `localhost:${port}`,
        CA_ROOT_CA: join(state, "root-cert.pem"),
        CA_TOKEN_FILE: tokenFile,
      },
      ready: /"message":"workload certificate issued"/,
    });
    expect(agent.output()).toContain('"identity":"spiffe://cluster.local/ns/shop/sa/web"');
    expect(readFileSync(join(state, "audit.log"), "utf8")).toContain("spiffe://cluster.local/ns/shop/sa/web");
  }, 60_000);
});
