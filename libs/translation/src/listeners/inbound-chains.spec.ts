import { chainKinds, inspectionNeeds } from "./inbound-chains.ts";

describe("chainKinds()", () => {
  // What is done with connections, in the order of the chains: h(ttp) or t(cp), S(ecured) or plain.
  it.each([
    ["PERMISSIVE", "HTTP", "hS h", true, false],
    ["PERMISSIVE", "TCP", "tS t t", true, false],
    ["PERMISSIVE", "MySQL", "tS t t", true, false],
    ["PERMISSIVE", "Unsupported", "hS h tS t t", true, true],
    ["STRICT", "GRPC", "hS", true, false],
    ["STRICT", "TCP", "tS", true, false],
    ["STRICT", "Unsupported", "hS tS", true, false],
    ["DISABLE", "HTTP2", "h", false, false],
    ["DISABLE", "TLS", "t", false, false],
    ["DISABLE", "Unsupported", "h t", false, true],
  ] as const)("for %s and %s", (mode, protocol, chains, tls, http) => {
    const kinds = chainKinds(mode, protocol);
    expect(kinds.map((kind) => `${kind.http ? "h" : "t"}${kind.secured ? "S" : ""}`).join(" ")).toBe(chains);
    expect(inspectionNeeds(kinds)).toEqual({ tls, http });
  });

  it.each(["PERMISSIVE", "STRICT", "DISABLE"] as const)("tells all chains apart in mode %s", (mode) => {
    for (const protocol of ["HTTP", "TCP", "Unsupported"] as const) {
      const matches = chainKinds(mode, protocol).map(({ match }) => JSON.stringify(match));
      expect(new Set(matches).size).toBe(matches.length);
    }
  });
});
