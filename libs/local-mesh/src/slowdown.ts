import { spawn } from "node:child_process";

/** Starting bare Node takes about so long on a quiet machine with a core of 2020 or newer. */
const quietMs = 60;
const samples = 3;

/**
 * How much longer than on a quiet machine it takes to start a process now, 1 or more: what times that are judged must be given where other
 * programs take the cores, or where they are slow.
 */
export async function measureSlowdown(): Promise<number> {
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample++) times.push(await timeBareStart());
  const [, median = quietMs] = times.sort((a, b) => a - b);
  return Math.max(1, median / quietMs);
}

function timeBareStart(): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    spawn(process.execPath, ["-e", "0"], { stdio: "ignore" })
      .once("error", reject)
      .once("exit", () => resolve(performance.now() - started));
  });
}
