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

  it("asks the application at the pod's address, from one that is not redirected", async () => {
    const ISTIO_KUBE_APP_PROBERS = '{"/app-health/web/livez":{"tcpSocket":{"port":80}}}';
    const probesOf = async (env: Record<string, string>) =>
      (await readAgentOptions("sidecar", flags, { ISTIO_KUBE_APP_PROBERS, ...env })).probes;
    const probes = await probesOf({ INSTANCE_IP: "10.0.0.1" });
    expect([...(probes?.known.keys() ?? [])]).toEqual(["/app-health/web/livez"]);
    expect(probes?.target).toEqual({ host: "10.0.0.1", localAddress: "127.0.0.6", keepAlive: false });
    const legacy = {
      INSTANCE_IP: "10.0.0.1",
      REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION: "true",
      ENABLE_PROBE_KEEPALIVE_CONNECTIONS: "true",
    };
    expect((await probesOf(legacy))?.target).toEqual({
      host: "127.0.0.1",
      localAddress: "127.0.0.6",
      keepAlive: true,
    });
  });

  it("asks a sidecar's application for metrics, and answers its DNS queries; a gateway has none", async () => {
    const env = {
      INSTANCE_IP: "127.1.0.10",
      ISTIO_PROMETHEUS_ANNOTATIONS: '{"scrape":"true","port":"8080"}',
      ISTIO_META_DNS_CAPTURE: "true",
    };
    const sidecar = await readAgentOptions("sidecar", flags, env);
    expect(sidecar.appMetrics).toEqual([{ path: "/metrics", port: 8080 }]);
    expect(sidecar.dns?.addresses).toEqual([{ address: "127.1.0.10", port: 15053 }]);
    const gateway = await readAgentOptions("router", flags, env);
    expect([gateway.appMetrics, gateway.dns]).toEqual([[], undefined]);
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
    [{ DNS_PROXY_ADDR: "x", ISTIO_META_DNS_CAPTURE: "true" }, {}, "DNS_PROXY_ADDR: x is no address such as"],
    [
      { ISTIO_KUBE_APP_PROBERS: '{"/app-health/web/livez":{"tcpSocket":{"port":"web"}}}' },
      {},
      'ISTIO_KUBE_APP_PROBERS[/app-health/web/livez]: tcpSocket.port must be a number from 1 to 65535, is "web"',
    ],
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
