import { compareDumps } from "./compare.ts";
import { syncTable, syncWord } from "./sync-table.ts";

describe("syncWord()", () => {
  it.each([
    [undefined, undefined, "NOT SENT"],
    ["a", "a", "SYNCED"],
    ["a", undefined, "STALE (Never Acknowledged)"],
    ["b", "a", "STALE"],
  ])("says of sent %s and accepted %s: %s", (sent, acked, word) => {
    expect(syncWord(sent, acked)).toBe(word);
  });
});

describe("syncTable()", () => {
  it("has istioctl's columns, and tells what was rejected", () => {
    const entry = { cluster_id: "Kubernetes", pilot: "pilot-1", cluster_sent: "1", listener_sent: "2" };
    const table = syncTable([
      { ...entry, proxy: "web-1.default", cluster_acked: "1", nacks: { lds: "no such filter" } },
      { ...entry, proxy: "a-1.default", cluster_acked: "1", listener_acked: "2", istio_version: "1.29.0" },
    ]);
    expect(table).toBe(`\
NAME            CLUSTER      CDS      LDS                                 EDS        RDS        ECDS       ISTIOD    VERSION
a-1.default     Kubernetes   SYNCED   SYNCED                              NOT SENT   NOT SENT   NOT SENT   pilot-1   1.29.0
web-1.default   Kubernetes   SYNCED   STALE (Never Acknowledged) (NACK)   NOT SENT   NOT SENT   NOT SENT   pilot-1   -

web-1.default rejected lds: no such filter
`);
  });
});

describe("syncTable() of a proxy that takes virtual hosts as resources", () => {
  it.each([
    [{ virtualhost_sent: "3", virtualhost_acked: "3" }, /SYNCED {3,}NOT SENT/],
    [{ virtualhost_sent: "3", virtualhost_acked: "2" }, /STALE {3,}NOT SENT/],
    [{ virtualhost_sent: "3", nacks: { vhds: "bad" } }, /STALE \(Never Acknowledged\) \(NACK\)/],
  ])("counts %j to its routes", (hosts, row) => {
    expect(syncTable([{ proxy: "a", route_sent: "1", route_acked: "1", ...hosts }])).toMatch(row);
  });
});

describe("compareDumps()", () => {
  const dump = (side: "pilot" | "proxy", clusters: readonly object[]) => ({
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        static_clusters: side === "proxy" ? [{ cluster: { name: "xds-grpc" } }] : [],
        dynamic_active_clusters: clusters.map((cluster) => ({ cluster })),
      },
      {
        "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
        dynamic_route_configs: [{ last_updated: "2026-01-02T03:04:05.678Z", route_config: { name: "80" } }],
      },
    ],
  });

  it("says what matches, whatever the order of fields and resources", () => {
    const one = dump("pilot", [{ name: "a", type: "EDS" }, { name: "b" }]);
    const other = dump("proxy", [{ name: "b" }, { type: "EDS", name: "a" }]);
    expect(compareDumps(one, other)).toEqual({
      equal: true,
      text: "Clusters Match\nListeners Match\nRoutes Match (RDS last loaded at Fri, 02 Jan 2026 03:04:05 GMT)\n",
    });
  });

  it("takes a table apart from its hosts for one that is whole", () => {
    const routes = (route_config: object) => ({
      configs: [
        {
          "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
          dynamic_route_configs: [{ route_config }],
        },
      ],
    });
    const whole = routes({ name: "80", virtual_hosts: [{ name: "a" }, { name: "b" }] });
    const apart = routes({ name: "80", vhds: {}, virtual_hosts: [{ name: "80/b" }, { name: "80/a" }] });
    expect(compareDumps(whole, apart).equal).toBe(true);
  });

  it("shows what differs", () => {
    const { equal, text } = compareDumps(
      dump("pilot", [{ name: "a", type: "EDS" }, { name: "b" }]),
      dump("proxy", [{ name: "a" }, { name: "b" }]),
    );
    expect(equal).toBe(false);
    expect(text).toContain(`Clusters Don't Match
--- Pilot Clusters
+++ Proxy Clusters
@@ -1,4 +1,3 @@
 {
-  "name": "a",
-  "type": "EDS"
+  "name": "a"
 }
`);
    expect(text).not.toContain('"b"');
  });
});
