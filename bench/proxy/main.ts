#!/usr/bin/env node
/**
 * `npm run bench:proxy [-- --mtls --h2 --h2-upstream] [NAME…]`: Weft's proxy beside real Envoy, http-proxy and @fastify/http-proxy. The same upstream and the
 * same load for each, each alone on one core, the load on another. CPU per request is the figure to trust: on a
 * machine that does other things throughput and p99 say as much about those. `--mtls`: two sidecars with mutual TLS between, in one process. `--h2`: clients speak HTTP/2;
 * `--h2-upstream`: so does the proxy, to the upstream or to the second sidecar.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { availableParallelism, cpus, platform, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Scenario } from "./bootstrap.ts";
import { type Contender, contenders } from "./contenders.ts";
import { createIdentity } from "./identity.ts";
import {
  chooseGenerator,
  chooseHttp2Generator,
  connections,
  http2Connections,
  type LoadGenerator,
  type LoadResult,
} from "./load.ts";
import { startServer } from "./process.ts";
import { formatTable, type Row } from "./table.ts";

const warmUpSeconds = 1;
const roundSeconds = 2;
const rounds = 2;

/** Command prefixes that pin to the first and the second core; empty where that cannot be done. */
async function pins(): Promise<{ readonly proxy: readonly string[]; readonly load: readonly string[] }> {
  const none = { proxy: [], load: [] };
  if (availableParallelism() < 2) return none;
  return promisify(execFile)("taskset", ["-V"]).then(
    () => ({ proxy: ["taskset", "-c", "0"], load: ["taskset", "-c", "1"] }),
    () => none,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs one contender; of each figure the best of the rounds counts. */
async function bench(
  contender: Contender,
  options: {
    readonly upstreamPort: number;
    readonly folder: string;
    readonly pin: readonly string[];
    readonly generator: LoadGenerator;
    readonly scenario: Scenario;
  },
): Promise<Row> {
  const { upstreamPort, folder, pin, generator, scenario } = options;
  const port = await freePort();
  const command = await contender.command(port, upstreamPort, folder, scenario);
  if (command === undefined) return { name: contender.name, missing: "not installed (npm run peers)" };
  const server = await startServer([...pin, ...command], port);
  const url = `http://127.0.0.1:${port}/some/path`;
  try {
    await generator.run(url, warmUpSeconds);
    const results: { readonly load: LoadResult; readonly cpu: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await server.cpuMicros();
      const load = await generator.run(url, roundSeconds);
      results.push({ load, cpu: ((await server.cpuMicros()) - before) / load.requests });
    }
    const best = (pick: (result: (typeof results)[number]) => number) => Math.min(...results.map(pick));
    return {
      name: contender.name,
      perSecond: Math.max(...results.map(({ load }) => load.perSecond)),
      cpuMicros: best(({ cpu }) => cpu),
      p50: best(({ load }) => load.p50),
      p99: best(({ load }) => load.p99),
      memoryMib: await server.memoryMib(),
      errors: results.reduce((sum, { load }) => sum + load.errors, 0),
    };
  } finally {
    await server.stop();
  }
}

const flags = ["--mtls", "--h2", "--h2-upstream"];
const [mesh, http2In, http2Out] = flags.map((flag) => process.argv.includes(flag));
const wanted = process.argv.slice(2).filter((name) => !flags.includes(name));
const unknown = wanted.filter((name) => contenders.every((contender) => contender.name !== name));
if (unknown.length > 0) {
  console.error(
    `no contender ${unknown.join(", ")}; there is ${contenders.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const pin = await pins();
const folder = await mkdtemp(join(tmpdir(), "weft-bench-"));
const generator = http2In ? await chooseHttp2Generator(pin.load, folder) : await chooseGenerator(pin.load);
if (generator === undefined) {
  console.error("HTTP/2 needs h2load, of the package nghttp2-client");
  process.exit(2);
}
console.log(
  `${cpus()[0]?.model.trim()} × ${availableParallelism()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `${platform()} ${release()}, Node ${process.version}`,
);
console.log(
  `${mesh ? "two sidecars with mutual TLS (1.3) between, in one process; " : ""}` +
    `${http2In ? `HTTP/2 in, ${http2Connections} connections, ${connections} streams` : `HTTP/1.1 in, keep-alive, ${connections} connections`}, ` +
    `HTTP/${http2Out ? "2" : "1.1"} ${mesh ? "between" : "out"}, 100-byte body, load by ${generator.name}, best of ${rounds} × ` +
    `${roundSeconds} s, ${pin.proxy.length > 0 ? "proxy alone on one core" : "not pinned to cores"}\n`,
);
const upstreamPort = await freePort();
const upstreamFile = fileURLToPath(
  new URL(http2Out && !mesh ? "upstream-h2.ts" : "upstream.ts", import.meta.url),
);
const upstream = await startServer(
  [...pin.load, process.execPath, upstreamFile, String(upstreamPort)],
  upstreamPort,
);
const rows: Row[] = [];
try {
  for (const contender of contenders) {
    const scenario: Scenario = {
      http2In: http2In === true,
      http2Out: http2Out === true,
      ...(mesh && { mesh: await createIdentity(await freePort()) }),
    };
    if (!contender.can(scenario)) continue;
    if (wanted.length > 0 && !wanted.includes(contender.name)) continue;
    rows.push(await bench(contender, { upstreamPort, folder, pin: pin.proxy, generator, scenario }));
  }
} finally {
  await upstream.stop();
  await rm(folder, { recursive: true });
}
console.log(formatTable(rows));
if (rows.some((row) => "errors" in row && row.errors > 0)) process.exitCode = 1;
