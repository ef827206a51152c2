#!/usr/bin/env node
/**
 * `npm run bench:policies`: what policies cost a request, in Weft's proxy and in real Envoy: 20 RBAC rules that are all
 * looked at, and a JWT whose signature is remembered. HTTP/1.1, 32 connections, a body of 100 bytes; the proxy on one core, load and upstream on
 * another. The best of three rounds counts.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "../../tools/peers/src/locate.ts";
import { chooseGenerator, type LoadGenerator } from "../proxy/load.ts";
import { startServer } from "../proxy/process.ts";
import { bootstrap, createScenarios, type Scenario } from "./scenarios.ts";

const rounds = 3;
const roundSeconds = 2;
const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const onCore = (core: number) => (process.platform === "linux" ? ["taskset", "-c", String(core)] : []);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Commands that run a bootstrap; Envoy's only where it is installed. */
function proxies(): readonly (readonly [name: string, command: (file: string) => readonly string[]])[] {
  const envoy = findPeer("envoy");
  const options = ["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"];
  return [
    // As pilot-agent starts it.
    [
      "weft",
      (file) => [
        process.execPath,
        "--max-semi-space-size=8",
        local("../../apps/proxy/bin/weft-proxy.mjs"),
        "-c",
        file,
      ],
    ],
    ...(envoy === undefined ? [] : [["envoy", (file: string) => [envoy, "-c", file, ...options]] as const]),
  ];
}

/** CPU of the proxy's process per request, in microseconds. */
async function measure(
  command: readonly string[],
  port: number,
  path: string,
  generator: LoadGenerator,
): Promise<number> {
  const server = await startServer([...onCore(0), ...command], port);
  const url = `http://127.0.0.1:${port}${path}`;
  try {
    await generator.run(url, 1);
    const figures: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await server.cpuMicros();
      const { requests, errors } = await generator.run(url, roundSeconds);
      if (errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
      figures.push(((await server.cpuMicros()) - before) / requests);
    }
    return Math.min(...figures);
  } finally {
    await server.stop();
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "weft-bench-policies-"));
  const upstreamPort = await freePort();
  const upstreamCommand = [process.execPath, local("../proxy/upstream.ts"), String(upstreamPort)];
  const upstream = await startServer([...onCore(1), ...upstreamCommand], upstreamPort);
  const generator = await chooseGenerator(onCore(1));
  const contenders = proxies();
  console.log(["CPU µs/request".padEnd(18), ...contenders.map(([name]) => name.padStart(8))].join(""));
  const run = async (scenario: Scenario) => {
    const figures: string[] = [];
    for (const [, command] of contenders) {
      const port = await freePort();
      const file = join(folder, `${port}.json`);
      await writeFile(file, JSON.stringify(bootstrap(port, upstreamPort, scenario)));
      figures.push((await measure(command(file), port, scenario.path, generator)).toFixed(1));
    }
    console.log([scenario.name.padEnd(18), ...figures.map((figure) => figure.padStart(8))].join(""));
  };
  try {
    for (const scenario of createScenarios()) await run(scenario);
  } finally {
    await upstream.stop();
    await rm(folder, { recursive: true });
  }
}

await main();
