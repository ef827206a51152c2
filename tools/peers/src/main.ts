// npm run peers [-- --list] [NAME...]: installs the programs that Weft is tested against, into a cache outside the checkout.
import { parseArgs } from "node:util";
import { installPeer } from "./install.ts";
import { findPeer, peersFolder } from "./locate.ts";
import { PeerError } from "./peer.ts";
import { peers } from "./peers.ts";

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { list: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  // Finding a peer also rejects a name that there is none of.
  for (const name of positionals) findPeer(name);
  const chosen = peers.filter((peer) => positionals.length === 0 || positionals.includes(peer.name));
  if (values.list) {
    for (const peer of chosen) {
      const place = findPeer(peer.name) ?? "not installed";
      process.stdout.write(`${peer.name} ${peer.version} (${peer.purpose}; ${peer.env}): ${place}\n`);
    }
    return;
  }
  process.stdout.write(`peers go to ${peersFolder(process.env)} (WEFT_CACHE chooses another place)\n`);
  for (const peer of chosen) {
    const log = (line: string) => process.stdout.write(`${peer.name} ${peer.version}: ${line}\n`);
    await installPeer(peer, { env: process.env, platform: `${process.platform}-${process.arch}`, log });
  }
}

try {
  await main();
} catch (error) {
  const expected = error instanceof PeerError || (error instanceof TypeError && "code" in error);
  process.stderr.write(
    `peers: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
