import { createServer } from "node:net";
import {
  type AddressProbes,
  claimAddresses,
  findFreePort,
  firstFreePort,
  type PortState,
  probePort,
} from "./addresses.ts";

describe("probePort()", () => {
  it("tells a free port, a taken one, and an address that this machine does not have", async () => {
    const port = await findFreePort("127.0.0.1");
    expect(await probePort("127.0.0.1", port)).toBe("free");
    const server = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await probePort("127.0.0.1", port)).toBe("taken");
    expect(await firstFreePort("127.0.0.1", port)).toBeGreaterThan(port);
    await new Promise((resolve) => server.close(resolve));
    expect(await probePort("192.0.2.1", 0)).toBe("no-address");
  });
});

describe("claimAddresses()", () => {
  const held = new Set<string>();
  beforeEach(() => held.clear());
  const machine = (answer: (host: string, port: number) => PortState): AddressProbes => ({
    probe: async (host, port) => answer(host, port),
    hold: async (host, port) => {
      const key = `${host}:${port}`;
      if (held.has(key)) return undefined;
      held.add(key);
      return { release: async () => void held.delete(key) };
    },
    findFree: async () => 40_000,
  });

  it("takes the first subnet, and keeps it from others until it is released", async () => {
    const free = machine(() => "free");
    const first = await claimAddresses(2, free);
    expect(first).toMatchObject({
      controlPlane: "127.1.0.1",
      gateway: "127.1.0.2",
      workloads: ["127.1.0.10", "127.1.0.11"],
      ports: {
        pilot: { grpc: 15010, secureGrpc: 15012, http: 8080, monitoring: 15014 },
        citadel: { grpc: 8060, monitoring: 8062 },
      },
      subnet: 0,
    });
    expect((await claimAddresses(1, free)).subnet).toBe(1);
    await first.release();
    expect((await claimAddresses(1, free)).subnet).toBe(0);
  });

  it("takes another port where something else has one, as a server that listens everywhere", async () => {
    const taken = machine((_, port) => (port === 8080 ? "taken" : "free"));
    expect(await claimAddresses(1, taken)).toMatchObject({
      controlPlane: "127.1.0.1",
      ports: { pilot: { grpc: 15010, secureGrpc: 15012, http: 40_000, monitoring: 15014 } },
    });
  });

  it("names the commands that add addresses where the machine has none", async () => {
    const macOs = machine((host) => (host === "127.0.0.1" ? "free" : "no-address"));
    await expect(claimAddresses(1, macOs)).rejects.toThrow(
      /sudo ifconfig lo0 alias 127\.1\.0\.1 up\n.*127\.1\.0\.2 up\n.*127\.1\.0\.10 up/,
    );
  });

  it("gives up where other meshes have all subnets", async () => {
    const free = machine(() => "free");
    for (let subnet = 0; subnet < 20; subnet++) await claimAddresses(0, free);
    await expect(claimAddresses(1, free)).rejects.toThrow("stop a mesh that runs");
    expect(held.size).toBe(20);
  });

  it("holds a real port", async () => {
    const first = await claimAddresses(0);
    const second = await claimAddresses(0);
    expect(second.subnet).toBeGreaterThan(first.subnet);
    await Promise.all([first.release(), second.release()]);
  });
});
