import { createServer } from "node:net";
import { chooseAddresses, findFreePort, firstFreePort, type PortState, probePort } from "./addresses.ts";

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

describe("chooseAddresses()", () => {
  const probe = (answer: (host: string, port: number) => PortState) => async (host: string, port: number) =>
    answer(host, port);

  it("takes the first subnet", async () => {
    expect(
      await chooseAddresses(
        2,
        probe(() => "free"),
      ),
    ).toEqual({
      controlPlane: "127.1.0.1",
      gateway: "127.1.0.2",
      workloads: ["127.1.0.10", "127.1.0.11"],
      subnet: 0,
    });
  });

  it("takes the next subnet where another mesh has the first", async () => {
    const taken = probe((host, port) => (host === "127.1.0.1" && port === 15010 ? "taken" : "free"));
    expect((await chooseAddresses(1, taken)).controlPlane).toBe("127.1.1.1");
  });

  it("names the commands that add addresses where the machine has none", async () => {
    const macOs = probe((host) => (host === "127.0.0.1" ? "free" : "no-address"));
    await expect(chooseAddresses(1, macOs)).rejects.toThrow(
      /sudo ifconfig lo0 alias 127\.1\.0\.1 up\n.*127\.1\.0\.2 up\n.*127\.1\.0\.10 up/,
    );
  });

  it("gives up where everything is taken", async () => {
    await expect(
      chooseAddresses(
        1,
        probe((_, port) => (port === 0 ? "free" : "taken")),
      ),
    ).rejects.toThrow("stop a mesh that runs");
  });
});
