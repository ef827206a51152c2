import {
  createFilterChainMatcher,
  findEqualMatches,
  type MatchableConnection,
} from "./filter-chain-match.ts";
import { filterChain } from "./fixtures.ts";

const connection: MatchableConnection = {
  destination: { address: "10.1.2.3", port: 8080 },
  source: { address: "10.9.9.9", port: 40_000 },
  directSourceAddress: "10.9.9.9",
  serverName: "",
  transportProtocol: "raw_buffer",
  applicationProtocols: [],
};
const range = (address: string, prefixLength: number) => ({ address, prefixLength });

describe("createFilterChainMatcher()", () => {
  it.each<[string, Parameters<typeof filterChain>[1][], Partial<MatchableConnection>, number | "default"]>([
    ["the exact port", [{}, { destinationPort: 8080 }], {}, 1],
    ["any port where none is exact", [{}, { destinationPort: 81 }], {}, 0],
    [
      "no way back from the exact port",
      [{}, { destinationPort: 8080, transportProtocol: "tls" }],
      {},
      "default",
    ],
    [
      "the longest prefix",
      [
        { destinationPrefixes: [range("10.0.0.0", 8)] },
        { destinationPrefixes: [range("10.1.0.0", 16), range("192.168.0.0", 16)] },
        {},
      ],
      {},
      1,
    ],
    ["any address where no prefix holds it", [{ destinationPrefixes: [range("11.0.0.0", 8)] }, {}], {}, 1],
    [
      "the exact server name",
      [{ serverNames: ["*.b.c"] }, { serverNames: ["a.b.c"] }],
      { serverName: "a.b.c" },
      1,
    ],
    [
      "the longest suffix",
      [{ serverNames: ["*.c"] }, { serverNames: ["*.b.c"] }, {}],
      { serverName: "x.a.b.c" },
      1,
    ],
    ["a suffix is not its own name", [{ serverNames: ["*.b.c"] }], { serverName: "b.c" }, "default"],
    ["any name where none fits", [{ serverNames: ["*.b.c"] }, {}], { serverName: "z" }, 1],
    ["the transport", [{ transportProtocol: "tls" }, { transportProtocol: "raw_buffer" }], {}, 1],
    [
      "the client's first protocol that some chain has",
      [{ applicationProtocols: ["http/1.1"] }, { applicationProtocols: ["h2"] }],
      { applicationProtocols: ["x", "h2", "http/1.1"] },
      1,
    ],
    [
      "local sources",
      [{ sourceType: "external" }, { sourceType: "local" }],
      { source: { address: "127.0.0.1", port: 1 } },
      1,
    ],
    ["outside sources", [{ sourceType: "local" }, { sourceType: "external" }], {}, 1],
    ["a source prefix", [{}, { sourcePrefixes: [range("10.9.0.0", 16)] }], {}, 1],
    ["a source port", [{}, { sourcePorts: [1, 40_000] }], {}, 1],
    ["nothing of nothing", [], {}, "default"],
    [
      "Istio's permissive inbound port: mTLS HTTP",
      [
        {
          destinationPort: 8080,
          transportProtocol: "tls",
          applicationProtocols: ["istio", "istio-http/1.1"],
        },
        { destinationPort: 8080, transportProtocol: "raw_buffer" },
        {},
      ],
      { transportProtocol: "tls", applicationProtocols: ["istio-http/1.1"] },
      0,
    ],
  ])("takes %s", (_name, matches, changes, expected) => {
    const chains = matches.map((match, index) => filterChain(String(index), match));
    const choose = createFilterChainMatcher(chains, filterChain("default"));
    expect(choose({ ...connection, ...changes })?.name).toBe(String(expected));
  });

  it("gives nothing without a default", () => {
    expect(createFilterChainMatcher([], undefined)(connection)).toBeUndefined();
  });
});

describe("findEqualMatches()", () => {
  it("finds chains that share a combination", () => {
    const a = filterChain("a", { destinationPort: 80, applicationProtocols: ["h2", "x"] });
    const b = filterChain("b", { destinationPort: 80, applicationProtocols: ["x"] });
    const c = filterChain("c", { destinationPort: 81 });
    expect(findEqualMatches([a, b, c])).toEqual([[a, b]]);
    expect(findEqualMatches([a, c])).toEqual([]);
  });
});
