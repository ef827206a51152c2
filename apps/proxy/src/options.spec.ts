import { parseOptions, readBootstrapTexts, UsageError } from "./options.ts";

describe("parseOptions()", () => {
  it("takes what pilot-agent passes to Envoy", () => {
    const args =
      "-c etc/istio/proxy/envoy-rev.json --drain-time-s 45 --drain-strategy immediate --local-address-ip-version v4 " +
      "--file-flush-interval-msec 1000 --disable-hot-restart --allow-unknown-static-fields -l warning " +
      "--component-log-level misc:error --concurrency 2 --skip-deprecated-logs --base-id 7 --service-node n --service-cluster c";
    expect(parseOptions(args.split(" "))).toMatchObject({
      configPath: "etc/istio/proxy/envoy-rev.json",
      mode: "serve",
      drainTimeMs: 45_000,
      fileFlushIntervalMs: 1000,
      logLevel: "warning",
      serviceNode: "n",
      serviceCluster: "c",
      commandLine: { base_id: "7", concurrency: 1, drain_time: "45s" },
      ignored: expect.arrayContaining(["concurrency", "drain-strategy", "allow-unknown-static-fields"]),
    });
  });

  it("has Envoy's defaults", () => {
    expect(parseOptions(["--config-yaml", "{}"])).toMatchObject({
      drainTimeMs: 600_000,
      fileFlushIntervalMs: 10_000,
      logLevel: "info",
      ignored: [],
    });
  });

  it.each([
    [["--help"], "help"],
    [["--version"], "version"],
  ] as const)("%j", (args, expected) => {
    expect(parseOptions(args)).toBe(expected);
  });

  it("needs no bootstrap to start with: then there is the admin API alone", () => {
    const options = parseOptions([]);
    if (typeof options === "string") throw new Error(options);
    expect(readBootstrapTexts(options).map((text) => JSON.parse(text))).toEqual([
      expect.objectContaining({
        admin: { address: { socket_address: { address: "127.0.0.1", port_value: 15000 } } },
      }),
    ]);
  });

  it.each([
    [["--mode", "validate"], "a bootstrap is needed"],
    [["-c", "x", "--mode", "init_only"], "--mode init_only: allowed are serve and validate"],
    [["-c", "x", "-l", "loud"], "--log-level loud: allowed are"],
    [["-c", "x", "--drain-time-s", "-1s"], "drain-time-s"],
    [["-c", "x", "--what"], "--what"],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});
