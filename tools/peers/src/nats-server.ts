import { withGo } from "./go.ts";
import type { InstallContext, Peer } from "./peer.ts";

const version = "2.15.2";

/** The NATS server, built from its Go module. */
export const natsServer: Peer = {
  name: "nats-server",
  version,
  purpose: "the server that events between processes go over",
  env: "NATS_SERVER_BIN",
  place: "nats-server",
  versionCommand: ["nats-server", "--version"],
  platforms: ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"],
  install,
};

async function install(context: InstallContext): Promise<void> {
  context.log(`building nats-server ${version} with go (about a minute)`);
  await withGo(
    context,
    {
      why: "the NATS server is built from its Go module",
      otherwise: "set NATS_SERVER_BIN to a NATS server of your own",
    },
    (go) => go(["install", "-ldflags", "-s -w", `github.com/nats-io/nats-server/v2@v${version}`]),
  );
}
