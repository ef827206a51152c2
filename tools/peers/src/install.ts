import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { peerFolder, peersFolder } from "./locate.ts";
import { type Peer, PeerError } from "./peer.ts";

/** Settings of {@link installPeer}. */
export interface InstallOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `process.platform`-`process.arch`. */
  readonly platform: string;
  readonly log: (line: string) => void;
}

/**
 * Installs a peer into the cache unless it is there, and returns the path that it is used by. The peer is made in a
 * folder beside its place, checked by its version, and moved as a whole: a broken install is never found.
 *
 * @throws PeerError that says what to do.
 */
export async function installPeer(peer: Peer, options: InstallOptions): Promise<string> {
  const { env, platform, log } = options;
  const target = peerFolder(peer, env);
  const place = join(target, peer.place);
  if (existsSync(place)) {
    log(`there already: ${place}`);
    return place;
  }
  if (!peer.platforms.includes(platform)) {
    throw new PeerError(
      `no ${peer.name} ${peer.version} for ${platform}, only for ${peer.platforms.join(" and ")}; ` +
        `set ${peer.env} to one of your own`,
    );
  }
  await mkdir(peersFolder(env), { recursive: true });
  const folder = await mkdtemp(`${target}.partial-`);
  try {
    await peer.install({ folder, log, run });
    await checkVersion(peer, folder);
    await rename(folder, target).catch((cause: NodeJS.ErrnoException) => {
      // Another install of the same version got there first; its result is as good.
      if (!existsSync(place)) throw cause;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  log(`installed: ${place}`);
  return place;
}

async function checkVersion(peer: Peer, folder: string): Promise<void> {
  const [name, ...args] = peer.versionCommand;
  const executable = join(folder, name);
  const printed = await run(executable, args);
  if (!printed.includes(peer.version)) {
    throw new PeerError(`${executable} is not version ${peer.version}; it says: ${printed.trim()}`);
  }
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints = (complaints + text).slice(-4096);
    });
    const failed = (why: string, cause?: unknown) =>
      reject(
        new PeerError(`${command} ${args.join(" ")}: ${why}${complaints && `\n${complaints}`}`, { cause }),
      );
    child.on("error", (cause) => failed(cause.message, cause));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else failed(signal ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
}
