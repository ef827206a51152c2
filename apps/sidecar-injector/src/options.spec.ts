import { join } from "node:path";
import { startChild } from "@weft/testkit";
import { type InjectorFlags, readInjectorOptions } from "./options.ts";

const flags: InjectorFlags = {
  namespace: "istio-system",
  webhookConfigName: "istio-sidecar-injector",
  serviceName: "istio-sidecar-injector",
  revision: "default",
  nativeSidecars: "true",
  bindAddress: "",
  port: "9443",
  monitoringPort: "15014",
  shutdownDuration: "10s",
  log_output_level: "none",
};

describe("readInjectorOptions()", () => {
  it("has defaults for everything", () => {
    expect(readInjectorOptions(flags, {})).toMatchObject({
      dnsNames: ["istio-sidecar-injector.istio-system.svc"],
      nativeSidecars: true,
      webhook: { host: "", port: 9443 },
      monitoring: { host: "", port: 15014 },
      ca: undefined,
      shutdownMs: 10_000,
    });
  });

  it("asks citadel where CA_ADDR says so, as its own account", () => {
    const env = { CA_ADDR: "istio-citadel.istio-system.svc:15012", SERVICE_ACCOUNT: "sidecar-injector" };
    expect(readInjectorOptions(flags, env).ca).toMatchObject({
      kind: "ca",
      identity: { namespace: "istio-system", serviceAccount: "sidecar-injector" },
    });
  });

  it.each([
    [{ port: "x" }, '--port: "x" is no port'],
    [{ monitoringPort: "70000" }, '--monitoringPort: "70000" is no port'],
    [{ nativeSidecars: "maybe" }, '--nativeSidecars: "maybe" is not true or false'],
    [{ shutdownDuration: "soon" }, "--shutdownDuration: soon is no duration"],
  ])("says of %j: %s", (more, message) => {
    expect(() => readInjectorOptions({ ...flags, ...more }, {})).toThrow(message);
  });
});

describe("sidecar-injector", () => {
  it("ends at once with one clear line where the kubeconfig cannot be read", async () => {
    const child = await startChild(process.execPath, {
      args: ["--no-warnings", join(import.meta.dirname, "main.ts"), "--kubeconfig", "/nowhere/kubeconfig"],
    });
    expect(await child.exited).toBe(1);
    expect(child.output().trim().split("\n")).toEqual([
      expect.stringContaining("sidecar-injector: kubeconfig /nowhere/kubeconfig: "),
    ]);
  });
});
