import { withGo } from "./go.ts";
import type { InstallContext, Peer } from "./peer.ts";

const version = "1.12.4";

/** CoreDNS, built from its Go module: the name server of the cluster that `npm run cluster` brings up. */
export const coredns: Peer = {
  name: "coredns",
  version,
  purpose: "the cluster's name server",
  env: "COREDNS_BIN",
  place: "coredns",
  versionCommand: ["coredns", "-version"],
  platforms: ["linux-x64", "linux-arm64"],
  install,
};

async function install(context: InstallContext): Promise<void> {
  context.log(`building coredns ${version} with go (about two minutes)`);
  await withGo(
    context,
    { why: "CoreDNS is built from its Go module", otherwise: "set COREDNS_BIN to a CoreDNS of your own" },
    (go) => go(["install", "-ldflags", "-s -w", `github.com/coredns/coredns@v${version}`]),
  );
}
