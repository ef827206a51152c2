import { type ProxyFlags, readAgentOptions } from "./options.ts";

const flags: ProxyFlags = {
  proxy: "weft",
  proxyLogLevel: "warning",
  proxyComponentLogLevel: "misc:error",
  log_output_level: "none",
};
const commandOptions = {
  bootstrapFile: "/b.json",
  logLevel: "warning",
  componentLogLevel: "misc:error",
  concurrency: 2,
  drainDurationMs: 45_000,
  env: {},
};

describe("readAgentOptions()", () => {
  it("is Istio's agent where nothing else is said", async () => {
    const options = await readAgentOptions("sidecar", flags, {
      POD_NAME: "web-1",
      POD_NAMESPACE: "shop",
      INSTANCE_IP: "10.0.0.1",
    });
    expect(options).toMatchObject({
      node: { id: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local", cluster: "istio-proxy.shop" },
      ports: { admin: 15000, status: 15020, health: 15021, stats: 15090 },
      addresses: { local: "127.0.0.1", public: "0.0.0.0" },
      proxyConfig: { discoveryAddress: "localhost:15010", concurrency: 2 },
    });
    const { file, args } = options.proxyCommand(commandOptions);
    expect(file).toBe(process.execPath);
    expect(args).toEqual(
      expect.arrayContaining(["-c", "/b.json", "--drain-time-s", "45", "--concurrency", "2"]),
    );
  });

  it("binds everything to the instance's address where that is a loopback address", async () => {
    const { addresses } = await readAgentOptions("sidecar", flags, { INSTANCE_IP: "127.1.0.10" });
    expect(addresses).toEqual({ local: "127.1.0.10", public: "127.1.0.10" });
  });

  it("lets flags and PROXY_CONFIG decide", async () => {
    const { node, addresses, proxyConfig, env } = await readAgentOptions(
      "router",
      { ...flags, concurrency: 3, domain: "x.svc.example", bindAddress: "10.0.0.9" },
      {
        INSTANCE_IP: "10.0.0.1",
        POD_NAME: "gw",
        PROXY_CONFIG: '{"concurrency":7,"proxyMetadata":{"ISTIO_META_HTTP10":"1","OTHER":"2"}}',
      },
    );
    expect(node.id).toBe("router~10.0.0.1~gw.default~x.svc.example");
    expect(node.metadata.HTTP10).toBe("1");
    expect(addresses.local).toBe("10.0.0.9");
    expect(proxyConfig.concurrency).toBe(3);
    expect(env.OTHER).toBe("2");
  });

  it.each([
    ["weft", undefined, "true"],
    ["weft", "false", undefined],
    ["envoy", undefined, undefined],
    ["envoy", "true", "true"],
  ] as const)("has %s told %s ask for virtual hosts: %s", async (proxy, given, asks) => {
    const env = { ...(given && { WEFT_VIRTUAL_HOST_DISCOVERY: given }), INSTANCE_IP: "127.0.0.1" };
    const { node } = await readAgentOptions("sidecar", { ...flags, proxy }, env);
    expect(node.metadata.VIRTUAL_HOST_DISCOVERY).toBe(asks);
  });

  it("refuses another word for that", async () => {
    await expect(readAgentOptions("sidecar", flags, { WEFT_VIRTUAL_HOST_DISCOVERY: "yes" })).rejects.toThrow(
      "WEFT_VIRTUAL_HOST_DISCOVERY: yes is not allowed, it must be true or false",
    );
  });

  it("waits for the last connection where it is told to", async () => {
    const env = {
      INSTANCE_IP: "10.0.0.1",
      EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true",
      MINIMUM_DRAIN_DURATION: "7s",
    };
    const { exitOnZeroConnections } = await readAgentOptions("sidecar", flags, env);
    expect(exitOnZeroConnections).toEqual({ minimumMs: 7000 });
  });

  it.each([
    [
      { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: "soon" },
      {},
      "MINIMUM_DRAIN_DURATION: soon is no duration such as 5s",
    ],
    [{ INSTANCE_IP: "web" }, {}, "INSTANCE_IP: web is no IP address"],
    [{ ENVOY_STATUS_PORT: "x" }, {}, "ENVOY_STATUS_PORT: x is no port, allowed are 1 to 65535"],
    [{}, { log_output_level: "loud" }, "--log_output_level: "],
  ])("says of %j and %j: %s", async (env, more, message) => {
    await expect(readAgentOptions("sidecar", { ...flags, ...more }, env)).rejects.toThrow(message);
  });

  it.each([
    [
      { envoyBinary: "/nonexistent" },
      "/nonexistent is no executable file; --envoy-binary or ENVOY_BIN must name an Envoy",
    ],
    [{}, "no Envoy found: name one by --envoy-binary or ENVOY_BIN, or put it on the PATH"],
  ])("says which Envoy is missing", async (more, message) => {
    const options = await readAgentOptions(
      "sidecar",
      { ...flags, proxy: "envoy", ...more },
      { PATH: "/nonexistent" },
    );
    expect(() => options.proxyCommand(commandOptions)).toThrow(message);
  });
});
