import { agentProcess } from "./agent-process.ts";
import { appProcess } from "./app-process.ts";
import type { PlacedWorkload } from "./mesh-objects.ts";

const container = {
  name: "web",
  command: ["node", "main.js", "--port=$(PORT)", "$(NONE)"],
  workingDir: "/srv",
  env: { A: "1", HOST: "0.0.0.0" },
  ports: [
    { name: "http", port: 9080, protocol: "HTTP" },
    { name: "my-grpc", port: 9090, protocol: "GRPC" },
  ],
};
const workload: PlacedWorkload = {
  name: "web-v1-abc-de",
  namespace: "shop",
  deployment: "web-v1",
  title: "web-v1",
  serviceAccount: "web",
  labels: { app: "web", version: "v1" },
  podIp: "127.1.0.10",
  appPorts: new Map([
    [9080, 40_000],
    [9090, 40_001],
  ]),
  containers: [container],
};
const env = { PATH: "/bin", SECRET: "not for children" };

describe("appProcess()", () => {
  it("tells the app where to listen, and where its proxy is", () => {
    const { command, cwd, env: given } = appProcess(workload, container, env);
    expect([command, cwd]).toEqual([["node", "main.js", "--port=40000", "$(NONE)"], "/srv"]);
    expect(given).toEqual({
      PATH: "/srv/node_modules/.bin:/bin",
      HOSTNAME: "web-v1-abc-de",
      A: "1",
      HOST: "127.0.0.1",
      PORT: "40000",
      PORT_HTTP: "40000",
      PORT_MY_GRPC: "40001",
      http_proxy: "http://127.1.0.10:15002",
      HTTP_PROXY: "http://127.1.0.10:15002",
      NODE_USE_ENV_PROXY: "1",
    });
  });
});

describe("agentProcess()", () => {
  const options = {
    main: "/agent.ts",
    dataPlane: { kind: "weft" },
    discoveryAddress: "127.1.0.1:15012",
    citadel: {
      grpc: "127.1.0.1:8060",
      serverName: "istio-citadel.istio-system.svc",
      rootFile: "/run/citadel/root-cert.pem",
      certificateTtlMs: 20_000,
      tokenFile: ({ name, namespace }: { name: string; namespace: string }) =>
        `/run/tokens/${name}.${namespace}`,
    },
    env,
  } as const;

  it("describes the pod as Kubernetes' downward API would", () => {
    const { command, env: given } = agentProcess(workload, "/run/web", options);
    expect(command[0]).toBe("node");
    expect(command.slice(command.indexOf("/agent.ts")).slice(0, 3)).toEqual([
      "/agent.ts",
      "proxy",
      "sidecar",
    ]);
    expect(given).toMatchObject({
      POD_NAME: "web-v1-abc-de",
      POD_NAMESPACE: "shop",
      INSTANCE_IP: "127.1.0.10",
      ISTIO_META_INTERCEPTION_MODE: "NONE",
      ISTIO_META_WORKLOAD_NAME: "web-v1",
      SERVICE_ACCOUNT: "web",
      CA_ADDR: "127.1.0.1:8060",
      ISTIOD_SAN: "istio-citadel.istio-system.svc",
      PILOT_SAN: "istiod.istio-system.svc",
      CA_ROOT_CA: "/run/citadel/root-cert.pem",
      CA_TOKEN_FILE: "/run/tokens/web-v1-abc-de.shop",
      SECRET_TTL: "20000ms",
    });
    expect(JSON.parse(given.PROXY_CONFIG ?? "")).toMatchObject({
      discoveryAddress: "127.1.0.1:15012",
      controlPlaneAuthPolicy: "MUTUAL_TLS",
      configPath: "/run/web",
    });
    expect(JSON.parse(given.ISTIO_METAJSON_LABELS ?? "")).toEqual({ LABELS: workload.labels });
    expect(given).not.toHaveProperty("SECRET");
  });

  it("runs both kinds of proxies by turns where asked", () => {
    const commands = ["127.1.0.10", "127.1.0.11", "127.1.0.12"].map((podIp) =>
      agentProcess({ ...workload, podIp }, "/run/web", {
        ...options,
        dataPlane: { kind: "mixed", bin: "/envoy" },
      }).command.includes("/envoy"),
    );
    expect(commands).toEqual([true, false, true]);
  });

  it("runs the gateway as a router, and real Envoy where asked", () => {
    const {
      appPorts: _ports,
      containers: _containers,
      deployment: _deployment,
      title: _title,
      ...rest
    } = workload;
    const gateway = { ...rest, selector: rest.labels, httpPort: 8080 };
    const { command } = agentProcess(gateway, "/run/gw", {
      ...options,
      dataPlane: { kind: "envoy", bin: "/envoy" },
    });
    expect(command).toEqual(expect.arrayContaining(["router", "--proxy", "envoy"]));
    expect(command).toContain("/envoy");
  });
});
