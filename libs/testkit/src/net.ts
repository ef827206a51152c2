import { createServer } from "node:net";

/** A TCP port of 127.0.0.1 that was free a moment ago. Better still is to listen on port 0, where that can be said. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number; // one was asked for
}

/** Different free ports: each is held until all are found. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once("error", reject);
            server.listen(0, "127.0.0.1", () => {
              const address = server.address();
              if (address === null || typeof address === "string") reject(new Error("no TCP address"));
              else resolve(address.port);
            });
          }),
      ),
    );
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
