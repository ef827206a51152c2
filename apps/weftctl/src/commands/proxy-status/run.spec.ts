import { createSink, serveJson } from "../../testing/io.ts";
import { proxyStatus } from "./run.ts";

const dump = (clusters: readonly string[]) => ({
  configs: [
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      dynamic_active_clusters: clusters.map((name) => ({ cluster: { name } })),
    },
  ],
});

describe("proxyStatus()", () => {
  it("asks pilot about all proxies", async () => {
    const pilot = await serveJson({
      "/debug/syncz": [{ proxy: "web-1.default", cluster_sent: "1", cluster_acked: "1" }],
    });
    const sink = createSink();
    const options = { env: {}, output: "short", xdsAddress: pilot.address } as const;
    expect(await proxyStatus(undefined, options, sink.stream)).toBe(0);
    expect(sink.text()).toMatch(/^web-1\.default +SYNCED +NOT SENT/m);
    await pilot.close();
  });

  it.each([
    [["a"], 0, "Clusters Match\nListeners Match\nRoutes Match\n"],
    [["a", "b"], 1, "Clusters Don't Match\n"],
  ])("compares what pilot would send with what the proxy has: %j", async (had, code, text) => {
    const pilot = await serveJson({ "/debug/config_dump?proxyID=web-1.default": dump(["a"]) });
    const admin = await serveJson({ "/config_dump": dump(had) });
    const sink = createSink();
    const options = {
      env: {},
      output: "short",
      xdsAddress: pilot.address,
      proxyAdmin: admin.address,
    } as const;
    expect(await proxyStatus("web-1.default", options, sink.stream)).toBe(code);
    expect(sink.text().startsWith(text)).toBe(true);
    await Promise.all([pilot.close(), admin.close()]);
  });
});
