import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "../../tools/peers/src/locate.ts";
import { bootstrap, type Scenario } from "./bootstrap.ts";

/** A proxy that takes part. */
export interface Contender {
  readonly name: string;
  /** The command that listens on `port` and passes on to `upstreamPort`; undefined where it is not installed. */
  command(
    port: number,
    upstreamPort: number,
    folder: string,
    scenario: Scenario,
  ): Promise<readonly string[] | undefined>;
  /** Whether it can be what the scenario asks. */
  can(scenario: Scenario): boolean;
}

const http1Alone = ({ mesh, http2In, http2Out }: Scenario) => mesh === undefined && !http2In && !http2Out;

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function writeBootstrap(
  port: number,
  upstreamPort: number,
  folder: string,
  scenario: Scenario,
): Promise<string> {
  const file = join(folder, `bootstrap-${port}.json`);
  await writeFile(file, JSON.stringify(bootstrap(port, upstreamPort, scenario)), { mode: 0o600 });
  return file;
}

/** In the order of the table: Weft and what it is measured by first. */
export const contenders: readonly Contender[] = [
  {
    name: "weft",
    can: () => true,
    // As pilot-agent starts it.
    command: async (port, upstreamPort, folder, scenario) => [
      process.execPath,
      "--max-semi-space-size=8",
      local("../../apps/proxy/bin/weft-proxy.mjs"),
      "-c",
      await writeBootstrap(port, upstreamPort, folder, scenario),
    ],
  },
  {
    name: "envoy",
    can: () => true,
    command: async (port, upstreamPort, folder, scenario) => {
      const envoy = findPeer("envoy");
      if (envoy === undefined) return undefined;
      const file = await writeBootstrap(port, upstreamPort, folder, scenario);
      return [envoy, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
    },
  },
  {
    name: "node:http2 + undici",
    can: ({ mesh, http2In, http2Out }) => mesh === undefined && http2In && !http2Out,
    command: async (port, upstreamPort) => [
      process.execPath,
      local("contenders/node-http2.ts"),
      String(port),
      String(upstreamPort),
    ],
  },
  {
    name: "http-proxy",
    can: http1Alone,
    command: async (port, upstreamPort) => [
      process.execPath,
      local("contenders/http-proxy.ts"),
      String(port),
      String(upstreamPort),
    ],
  },
  {
    name: "@fastify/http-proxy",
    can: http1Alone,
    command: async (port, upstreamPort) => [
      process.execPath,
      local("contenders/fastify-http-proxy.ts"),
      String(port),
      String(upstreamPort),
    ],
  },
];
