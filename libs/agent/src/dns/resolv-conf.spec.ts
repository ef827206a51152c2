import { parseResolvConf } from "./resolv-conf.ts";

describe("parseResolvConf()", () => {
  it("reads servers and search domains, the last of which count", () => {
    const text = `# from the kubelet
domain first.local
nameserver 10.96.0.10 ; cluster DNS
nameserver  fe80::1%eth0
nameserver not.an.address
nameserver
search default.svc.cluster.local svc.cluster.local. .
options ndots:5 timeout:1
`;
    expect(parseResolvConf(text)).toEqual({
      servers: [
        { address: "10.96.0.10", port: 53 },
        { address: "fe80::1%eth0", port: 53 },
      ],
      search: ["default.svc.cluster.local", "svc.cluster.local"],
    });
  });

  it("takes a domain for the only search domain", () => {
    expect(parseResolvConf("search a.com b.com\ndomain c.com").search).toEqual(["c.com"]);
    expect(parseResolvConf("")).toEqual({ servers: [], search: [] });
  });
});
