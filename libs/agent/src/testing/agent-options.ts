import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@weft/observability";
import { freePorts } from "@weft/testkit";
import type { AgentOptions } from "../agent.ts";
import { buildNode } from "../node/node.ts";
import { buildNodeMetadata } from "../node/node-metadata.ts";
import { parseProxyConfig } from "../node/proxy-config.ts";

/** Options of an agent on 127.0.0.1, on free ports and with a folder of its own; no time to drain. */
export async function testAgentOptions(
  proxyCommand: AgentOptions["proxyCommand"],
  proxyConfig: object = {},
): Promise<AgentOptions> {
  const [admin = 0, status = 0, health = 0, stats = 0] = await freePorts(4);
  const configPath = mkdtempSync(join(tmpdir(), "weft-agent-"));
  const { value } = await parseProxyConfig(
    JSON.stringify({ configPath, concurrency: 1, terminationDrainDuration: "0s", ...proxyConfig }),
  );
  const metadata = buildNodeMetadata({ POD_NAMESPACE: "default" }, ["127.0.0.1"], value);
  return {
    role: "sidecar",
    node: buildNode({
      role: "sidecar",
      ip: "127.0.0.1",
      podName: "web-1",
      namespace: "default",
      dnsDomain: "default.svc.cluster.local",
      serviceCluster: "istio-proxy",
      metadata: metadata.value,
    }),
    proxyConfig: value,
    instanceIps: ["127.0.0.1"],
    ports: { admin, status, health, stats },
    addresses: { local: "127.0.0.1", public: "127.0.0.1" },
    proxyCommand,
    proxyLogLevel: "critical",
    proxyComponentLogLevel: "",
    sdsSocket: join(configPath, "sds"),
    appMetrics: [],
    env: process.env,
    logger: silentLogger,
  };
}

/** Status and text of an answer; undefined where nobody answers. */
export async function tryGet(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(url, init);
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined; // refused or cut off: not there (yet)
  }
}
