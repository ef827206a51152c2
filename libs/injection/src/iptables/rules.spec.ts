import { readIptablesFlags } from "./config.ts";
import { formatRestore } from "./restore.ts";
import { buildRules } from "./rules.ts";

const pod = { dnsServers: ["10.96.0.10"], hasIpv6: false };

describe("buildRules()", () => {
  it("makes what istio-init asks for", () => {
    const config = readIptablesFlags(
      {
        envoyPort: "15001",
        inboundCapturePort: "15006",
        proxyUid: "1337",
        istioInboundInterceptionMode: "REDIRECT",
        istioServiceCidr: "*",
        istioServiceExcludeCidr: "",
        istioInboundPorts: "*",
        istioLocalExcludePorts: "15090,15021,15020",
      },
      pod,
    );
    expect(formatRestore(buildRules(config, "ipv4"))).toBe(`* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_IN_REDIRECT
-N ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --gid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
COMMIT
`);
  });

  it("captures DNS, in zones of its own", () => {
    const text = formatRestore(buildRules(readIptablesFlags({ redirectDns: true }, pod), "ipv4"));
    expect(text).toContain(
      "-A ISTIO_OUTPUT -p tcp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053\n",
    );
    expect(text).toContain("-A ISTIO_OUTPUT_DNS -p udp --dport 53 -m owner --uid-owner 1337 -j RETURN\n");
    expect(text).toContain(
      "-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-ports 15053\n",
    );
    expect(text).toContain("-A ISTIO_INBOUND -p udp --sport 53 -s 10.96.0.10/32 -j CT --zone 1\n");
    expect(text).toContain("! --dports 53,15008");
  });

  it("takes ranges by family", () => {
    const config = readIptablesFlags(
      { istioServiceCidr: "10.0.0.0/8,fd00::/8", istioServiceExcludeCidr: "10.1.0.0/16" },
      pod,
    );
    expect(formatRestore(buildRules(config, "ipv4"))).toMatch(
      /-d 10\.1\.0\.0\/16 -j RETURN\n-A ISTIO_OUTPUT -d 10\.0\.0\.0\/8 -j ISTIO_REDIRECT\nCOMMIT/,
    );
    expect(formatRestore(buildRules(config, "ipv6"))).toMatch(
      /-d ::1\/128 -j RETURN\n-A ISTIO_OUTPUT -d fd00::\/8 -j ISTIO_REDIRECT\nCOMMIT/,
    );
  });
});

describe("readIptablesFlags()", () => {
  it.each([
    [{ envoyPort: "0" }, '--envoy-port: "0" is no port, allowed are 1 to 65535'],
    [{ istioInboundPorts: "80,http" }, '--istio-inbound-ports: "http" is no port, allowed are 1 to 65535'],
    [
      { istioServiceCidr: "10.0.0.0/33" },
      '--istio-service-cidr: "10.0.0.0/33" is no address range such as 10.0.0.0/8',
    ],
    [{ istioInboundInterceptionMode: "X" }, '--istio-inbound-interception-mode: "X" is no mode'],
    [{ istioExcludeInterfaces: "eth0 -j ACCEPT" }, '--istio-exclude-interfaces: "eth0 -j ACCEPT" is no name'],
  ])("says of %j: %s", (flags, message) => {
    expect(() => readIptablesFlags(flags, pod)).toThrow(message);
  });
});
