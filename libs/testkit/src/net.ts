import { createServer } from "node:net";

/**
 * Where ports are looked for: above Istio's own, and below those that systems give to connections (32768 and up on Linux), so that no connection of
 * another test takes one between here and the program that is to listen on it.
 */
const lowest = 17_000;
const highest = 32_000;

/** A TCP port of 127.0.0.1 that was free a moment ago. Better still is to listen on port 0, where that can be said. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number; // one was asked for
}

/** Different free ports. They are taken at random, so that tests that run at once are unlikely to find the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 100 * count) throw new Error(`no ${count} free ports from ${lowest} to ${highest}`);
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    // All addresses: a program that listens on another than 127.0.0.1 counts as well.
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
