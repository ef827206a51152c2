import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "./addresses.ts";
import type { PlacedWorkload } from "./mesh-objects.ts";
import { createProcesses } from "./processes.ts";
import { appReady } from "./readiness.ts";

describe("appReady()", () => {
  it.each([
    ["node", /^web\.app ends as soon as it starts; the last lines of web\.app \(started again \d times\)/],
    ["/no/such/program", /^web\.app cannot be started: .*ENOENT/],
  ])(
    "says at once that %s does not stay up, and why",
    async (program, message) => {
      const folder = mkdtempSync(join(tmpdir(), "weft-ready-"));
      const processes = createProcesses({ logFolder: folder, env: {} });
      const container = {
        name: "web",
        command: [program, "-e", "console.log('no database'); process.exit(3)"],
        workingDir: folder,
        env: {},
        ports: [{ name: "http", port: 80, protocol: "HTTP" }],
      };
      const placed = {
        appPorts: new Map([[80, await findFreePort("127.0.0.1")]]),
      } as unknown as PlacedWorkload; // all that is read
      try {
        const app = processes.start({ name: "web.app", command: container.command, cwd: folder, env: {} });
        const failed = appReady(placed, container, app, undefined);
        await expect(failed).rejects.toThrow(message);
        if (program === "node") await expect(failed).rejects.toThrow("no database");
      } finally {
        await processes.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    20_000,
  );
});
