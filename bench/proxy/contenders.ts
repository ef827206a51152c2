import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "../../tools/peers/src/locate.ts";
import { bootstrap, type MeshIdentity } from "./bootstrap.ts";

/** A proxy that takes part. */
export interface Contender {
  readonly name: string;
  /** The command that listens on `port` and passes on to `upstreamPort`; undefined where it is not installed. */
  command(
    port: number,
    upstreamPort: number,
    folder: string,
    mesh?: MeshIdentity,
  ): Promise<readonly string[] | undefined>;
  /** Whether it can be two sidecars with mutual TLS between. */
  readonly mesh?: true;
}

const local = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function writeBootstrap(
  port: number,
  upstreamPort: number,
  folder: string,
  mesh?: MeshIdentity,
): Promise<string> {
  const file = join(folder, `bootstrap-${port}.json`);
  await writeFile(file, JSON.stringify(bootstrap(port, upstreamPort, mesh)), { mode: 0o600 });
  return file;
}

/** In the order of the table: Weft and what it is measured by first. */
export const contenders: readonly Contender[] = [
  {
    name: "weft",
    mesh: true,
    command: async (port, upstreamPort, folder, mesh) => [
      process.execPath,
      local("../../apps/proxy/src/main.ts"),
      "-c",
      await writeBootstrap(port, upstreamPort, folder, mesh),
    ],
  },
  {
    name: "envoy",
    mesh: true,
    command: async (port, upstreamPort, folder, mesh) => {
      const envoy = findPeer("envoy");
      if (envoy === undefined) return undefined;
      const file = await writeBootstrap(port, upstreamPort, folder, mesh);
      return [envoy, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
    },
  },
  {
    name: "http-proxy",
    command: async (port, upstreamPort) => [
      process.execPath,
      local("contenders/http-proxy.ts"),
      String(port),
      String(upstreamPort),
    ],
  },
  {
    name: "@fastify/http-proxy",
    command: async (port, upstreamPort) => [
      process.execPath,
      local("contenders/fastify-http-proxy.ts"),
      String(port),
      String(upstreamPort),
    ],
  },
];
