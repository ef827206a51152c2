import { createConnection } from "node:net";
import { setImmediate } from "node:timers/promises";
import { freePorts, startChild } from "./index.ts";

/** Whether something listens; a refused connection says no. */
const connects = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.destroy() && resolve(true));
    socket.on("error", () => resolve(false));
  });

const node = (script: string) => ({ args: ["-e", script] });

describe("startChild()", () => {
  it("waits until the process is ready, and stops it", async () => {
    const child = await startChild(process.execPath, {
      ...node('setInterval(() => {}, 1000); console.log("listening")'),
      ready: /listening/,
    });
    await child.stop();
    await child.stop();
    expect(await child.exited).toBe("SIGTERM");
  });

  it("kills what a process started, though it does not heed SIGTERM", async () => {
    const inner = `process.on("SIGTERM", () => {});
      const server = require("node:net").createServer((socket) => socket.end()).listen(0, "127.0.0.1", () => {
        console.log("port", server.address().port);
      });`;
    const outer = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(inner)}], { stdio: "inherit" })`;
    const child = await startChild(process.execPath, { ...node(outer), ready: /port \d+/ });
    const port = Number(/port (\d+)/.exec(child.output())?.[1]);
    expect(await connects(port)).toBe(true);
    await child.stop();
    expect(await child.exited).toBe("SIGTERM");
    while (await connects(port)) await setImmediate();
  });

  it("says what a process said that ends before it is ready", async () => {
    const bad = startChild(process.execPath, {
      ...node('console.error("no such flag"); process.exitCode = 3'),
      ready: /never/,
    });
    await expect(bad).rejects.toThrow(/ended \(3\) before it said \/never\/\nno such flag/);
  });

  it("gives up on a process that is not ready in time", async () => {
    const slow = startChild(process.execPath, {
      ...node("setInterval(() => {}, 1000)"),
      ready: /never/,
      readyTimeoutMs: 50,
    });
    await expect(slow).rejects.toThrow("did not say /never/ within 50 ms");
  });

  it("rejects a command that is not there", async () => {
    await expect(startChild("/nonexistent/command")).rejects.toThrow("ENOENT");
  });
});

describe("freePorts()", () => {
  it("gives different ports", async () => {
    const ports = await freePorts(5);
    expect(new Set(ports).size).toBe(5);
    expect(ports.every((port) => port > 0)).toBe(true);
  });
});
