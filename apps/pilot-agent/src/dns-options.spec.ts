import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment } from "@weft/agent";
import { readDnsConfig } from "./dns-options.ts";

describe("readDnsConfig()", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-resolv-"));
  const resolvConf = join(folder, "resolv.conf");
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (env: Environment, servers = "nameserver 10.96.0.10", local = "127.0.0.1") => {
    writeFileSync(resolvConf, `${servers}\nsearch prod.svc.cluster.local svc.cluster.local\n`);
    const defaults = { namespace: "prod", domain: "prod.svc.cluster.local", local, resolvConf };
    return readDnsConfig({ ISTIO_META_DNS_CAPTURE: "true", ...env }, defaults);
  };

  it("is off unless it is asked for", () => {
    expect(read({ ISTIO_META_DNS_CAPTURE: "false" })).toBeUndefined();
    expect(read({ ISTIO_META_DNS_CAPTURE: undefined })).toBeUndefined();
  });

  it("has Istio's address, and resolv.conf's servers", () => {
    expect(read({ DNS_FORWARD_PARALLEL: "true" })).toEqual({
      addresses: [{ address: "127.0.0.1", port: 15053 }],
      upstreams: [{ address: "10.96.0.10", port: 53 }],
      parallel: true,
      namespace: "prod",
      domain: "prod.svc.cluster.local",
      search: ["prod.svc.cluster.local", "svc.cluster.local"],
    });
  });

  it.each([
    ["localhost:53", "nameserver 10.0.0.1\nnameserver fd00::1", ["127.0.0.1", "::1"], 53],
    ["localhost:53", "nameserver fd00::1", ["::1"], 53],
    [undefined, "", ["127.0.0.1"], 15053],
    ["[::1]:5353", "", ["::1"], 5353],
    ["127.0.0.9:5353", "", ["127.0.0.9"], 5353],
    [":5353", "", ["0.0.0.0"], 5353],
  ])("listens for %j, with %j, at %j", (given, servers, hosts, port) => {
    expect(read({ DNS_PROXY_ADDR: given }, servers)?.addresses).toEqual(
      hosts.map((address) => ({ address, port })),
    );
  });

  it("listens at the workload's own loopback address in a mesh on one machine", () => {
    expect(read({}, "", "127.1.0.10")?.addresses).toEqual([{ address: "127.1.0.10", port: 15053 }]);
  });

  it.each(["web:53", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000"])("refuses %s", (given) => {
    expect(() => read({ DNS_PROXY_ADDR: given })).toThrow(
      `DNS_PROXY_ADDR: ${given} is no address such as localhost:15053, 127.0.0.1:15053 or [::1]:15053`,
    );
  });

  it("says that there is no resolv.conf", () => {
    const defaults = { namespace: "", domain: "", local: "", resolvConf: join(folder, "none") };
    expect(() => readDnsConfig({ ISTIO_META_DNS_CAPTURE: "true" }, defaults)).toThrow(
      /^ISTIO_META_DNS_CAPTURE: the DNS servers to ask cannot be read: ENOENT/,
    );
  });
});
