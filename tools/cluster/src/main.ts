// npm run cluster -- up|down|status: a Kubernetes cluster of one node on this machine, for tests.
import { PeerError } from "../../peers/src/peer.ts";
import { down, status, up } from "./cluster.ts";
import { ClusterError } from "./command.ts";
import { layout } from "./layout.ts";

const usage = "usage: npm run cluster -- up|down|status";

async function main(args: readonly string[]): Promise<void> {
  const at = layout();
  const log = (line: string) => void process.stdout.write(`${line}\n`);
  switch (args.length === 1 ? args[0] : undefined) {
    case "up":
      await up(at, log);
      log(`export KUBECONFIG=${at.kubeconfig}`);
      return;
    case "down":
      await down(at, log);
      log("it is down");
      return;
    case "status":
      await status(at, log);
      return;
    default:
      throw new ClusterError(usage);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const expected = error instanceof ClusterError || error instanceof PeerError;
  process.stderr.write(
    `cluster: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
}
