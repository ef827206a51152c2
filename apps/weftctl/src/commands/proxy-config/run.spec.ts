import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSink, serveJson } from "../../testing/io.ts";
import { type ProxyConfigOptions, type ProxyConfigPart, proxyConfig } from "./run.ts";

const dump = {
  configs: [
    {
      "@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
      bootstrap: { node: { id: "sidecar~1.1.1.1~a.b~c", cluster: "a.b", user_agent_name: "envoy" } },
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      static_clusters: [
        {
          cluster: {
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            name: "agent",
            connect_timeout: "1s",
          },
        },
      ],
    },
  ],
};
const clusters = {
  cluster_statuses: [
    {
      name: "agent",
      host_statuses: [{ address: { socket_address: { address: "10.0.0.1", port_value: 80 } } }],
    },
  ],
};

describe("proxyConfig()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-pc-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const show = async (part: ProxyConfigPart, options: Partial<ProxyConfigOptions>) => {
    const sink = createSink();
    await proxyConfig(part, undefined, { env: {}, output: "short", ...options }, sink.stream);
    return sink.text();
  };
  const file = (content: string) => {
    const path = join(folder, "dump.json");
    writeFileSync(path, content);
    return path;
  };

  it("asks a proxy", async () => {
    const admin = await serveJson({ "/config_dump?include_eds": dump, "/clusters?format=json": clusters });
    const proxyAdmin = admin.address;
    expect(await show("clusters", { proxyAdmin })).toMatch(/^agent +- +- +- +STATIC$/m);
    expect(await show("endpoints", { proxyAdmin })).toMatch(/^10\.0\.0\.1:80 +HEALTHY +OK +agent$/m);
    expect(await show("all", { proxyAdmin })).toMatch(
      /^SERVICE FQDN.*\n\nADDRESSES.*\n\nNAME.*\n\nNo active or warming secrets found\.\n\nENDPOINT/s,
    );
    expect(JSON.parse(await show("all", { proxyAdmin, output: "json" }))).toEqual(dump);
    await admin.close();
  });

  it("reads a file, and prints names as istioctl does", async () => {
    const from = file(JSON.stringify(dump));
    expect(JSON.parse(await show("clusters", { file: from, output: "json" }))).toEqual([
      { name: "agent", connectTimeout: "1s" },
    ]);
    expect(await show("clusters", { file: from, output: "yaml" })).toBe(
      "- name: agent\n  connectTimeout: 1s\n",
    );
    expect(JSON.parse(await show("bootstrap", { file: from, output: "json" }))).toMatchObject({
      bootstrap: { node: { userAgentName: "envoy" } },
    });
    expect(await show("bootstrap", { file: from })).toContain("Node: sidecar~1.1.1.1~a.b~c\n");
    expect(await show("endpoints", { file: file(JSON.stringify(clusters)), output: "yaml" })).toContain(
      "port: 80",
    );
  });

  it("says what is wrong", async () => {
    await expect(show("clusters", { file: file("{") })).rejects.toThrow("dump.json: is no JSON");
    await expect(show("clusters", { file: file("{}") })).rejects.toThrow("this is no config dump");
    await expect(show("endpoints", { file: file("{}") })).rejects.toThrow("this is no cluster status");
    await expect(show("clusters", { proxyAdmin: "127.0.0.1:1" })).rejects.toThrow(
      "proxy 127.0.0.1:1 does not answer at http://127.0.0.1:1/config_dump",
    );
    const admin = await serveJson({});
    await expect(show("clusters", { proxyAdmin: admin.address })).rejects.toThrow("answered 404 to");
    await admin.close();
  });
});
