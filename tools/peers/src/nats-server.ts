import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type InstallContext, type Peer, PeerError } from "./peer.ts";

const version = "2.15.2";

/** The NATS server, built from its Go module. */
export const natsServer: Peer = {
  name: "nats-server",
  version,
  purpose: "the server that events between processes go over",
  env: "NATS_SERVER_BIN",
  executable: "nats-server",
  versionArgs: ["--version"],
  platforms: ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"],
  install,
};

async function install({ folder, log, run }: InstallContext): Promise<void> {
  await run("go", ["version"]).catch((cause: unknown) => {
    throw new PeerError(
      "the NATS server is built from its Go module, and go is not here: install Go 1.24 or newer, " +
        "or set NATS_SERVER_BIN to a NATS server of your own",
      { cause },
    );
  });
  log(`building github.com/nats-io/nats-server/v2@v${version} with go (about a minute)`);
  const caches = join(folder, ".build");
  // Caches of its own, so that what it takes to build is gone with the build.
  // biome-ignore format: one flag beside the other
  await run("env", [`GOBIN=${folder}`, "GOFLAGS=-trimpath -modcacherw", `GOCACHE=${caches}/build`, `GOMODCACHE=${caches}/modules`,
    "go", "install", "-ldflags", "-s -w", `github.com/nats-io/nats-server/v2@v${version}`]);
  await rm(caches, { recursive: true, force: true });
}
