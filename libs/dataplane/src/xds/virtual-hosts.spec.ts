import { toBinary } from "@bufbuild/protobuf";
import { createFakeClock } from "@weft/base";
import { fromEnvoyJson } from "@weft/envoy-api";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { compileTableHead, type RouteTableHead } from "../compile/index.ts";
import { createStatsStore } from "../stats/index.ts";
import { createConfigState } from "./config-state.ts";
import { createRouteStore } from "./route-store.ts";
import { createVirtualHosts } from "./virtual-hosts.ts";

/** The head of a table; counts the hosts that are compiled for it. */
function head(name: string, more: object = { vhds: { config_source: { ads: {} } } }) {
  const message = fromEnvoyJson(RouteConfigurationSchema, { name, ...more });
  const { value, problems } = compileTableHead(message, []);
  if (value === undefined) throw new Error(JSON.stringify(problems));
  let compiled = 0;
  const counting: RouteTableHead = {
    ...value,
    compileHost: (host) => {
      compiled++;
      return value.compileHost(host);
    },
  };
  return { head: counting, compiled: () => compiled };
}

function host(name: string, { domains = [name], status = 200, route = {} } = {}) {
  const message = fromEnvoyJson(VirtualHostSchema, {
    name,
    domains,
    routes: [{ match: { prefix: "/" }, direct_response: { status }, ...route }],
  });
  return { name, value: toBinary(VirtualHostSchema, message), version: `${name}${status}` };
}

function open() {
  const clock = createFakeClock();
  const routes = createRouteStore();
  const stats = createStatsStore({ accepts: () => true });
  const state = createConfigState(clock);
  const hosts = createVirtualHosts({ routes, state, stats: stats.scope("vhds"), clock });
  /** Status that the table answers a host's requests with. */
  const ask = (table: string, authority: string) => {
    const request = { authority, path: "/", method: "GET", scheme: "http" };
    const action = routes.get(table)?.match(request as never, 0)?.action; // what matching by prefix looks at
    return action?.kind === "direct-response" ? action.status : undefined;
  };
  return { hosts, routes, state, stats, ask };
}

describe("createVirtualHosts()", () => {
  it("gives a table once both its head and its hosts have come, in whatever order", async () => {
    const { hosts, routes, ask } = open();
    await hosts.setTable(head("80").head);
    expect(routes.get("80")).toBeUndefined();
    await hosts.apply([host("90/a", { domains: ["a"] })], []);
    expect([routes.get("80"), hosts.needed]).toEqual([undefined, true]);
    await hosts.apply([host("80/a", { domains: ["a"], status: 201 })], []);
    await hosts.setTable(head("90").head);
    expect([ask("80", "a"), ask("90", "a"), ask("80", "b")]).toEqual([201, 200, undefined]);
  });

  it("compiles the changed host alone, and removes by name", async () => {
    const { hosts, state, stats, ask } = open();
    const table = head("80");
    await hosts.setTable(table.head);
    const names = Array.from({ length: 1_000 }, (_, i) => `80/h${i}`);
    await hosts.apply(
      names.map((name) => host(name)),
      [],
    );
    expect(table.compiled()).toBe(1_000);
    expect(await hosts.apply([host("80/h7", { status: 207 })], ["80/h8"])).toEqual([]);
    expect(table.compiled()).toBe(1_001);
    expect([ask("80", "80/h7"), ask("80", "80/h8"), ask("80", "80/h9")]).toEqual([207, undefined, 200]);
    expect([state.records.size, state.records.has("80/h8")]).toEqual([999, false]);
    expect(stats.counters.get("vhds.80.config_reload")?.value).toBe(2);
  });

  it("compiles all for another head", async () => {
    const { hosts } = open();
    await hosts.setTable(head("80").head);
    await hosts.apply([host("80/a"), host("80/b")], []);
    const next = head("80", { vhds: { config_source: { ads: {} } }, response_headers_to_remove: ["x"] });
    await hosts.setTable(next.head);
    expect(next.compiled()).toBe(2);
  });

  it("refuses a bad host alone, by name, and keeps what was there", async () => {
    const { hosts, state, ask } = open();
    await hosts.setTable(head("80").head);
    await hosts.apply([host("80/a"), host("80/b")], []);
    const bad = host("80/a", { route: { match: { safe_regex: { regex: "(" } } } });
    const errors = await hosts.apply([bad, host("80/b", { status: 202 })], []);
    expect(errors).toEqual([
      expect.stringMatching(/^Error adding\/updating virtual host 80\/a: virtual_host\.routes\[0\]/),
    ]);
    expect([ask("80", "80/a"), ask("80", "80/b")]).toEqual([200, 202]);
    expect([...state.failures.keys()]).toEqual(["80/a"]);
  });

  it("takes nothing of a table's update in which a domain stands twice, as Envoy", async () => {
    const { hosts, ask } = open();
    await hosts.setTable(head("80").head);
    await hosts.apply([host("80/a", { domains: ["x"] })], []);
    const update = [host("80/b", { domains: ["X"] }), host("80/c"), host("90/a")];
    expect(await hosts.apply(update, [])).toEqual([
      'Error adding/updating virtual host 80/b: domain "x" is given twice, allowed is once; 80/a has it too',
    ]);
    expect([ask("80", "x"), ask("80", "80/c")]).toEqual([200, undefined]);
    // A domain that moves is no clash.
    expect(await hosts.apply([host("80/b", { domains: ["x"], status: 203 })], ["80/a"])).toEqual([]);
    expect(ask("80", "x")).toBe(203);
  });

  it("refuses a head that has a domain of a host", async () => {
    const { hosts } = open();
    await hosts.setTable(head("80").head);
    await hosts.apply([host("80/a", { domains: ["x"] })], []);
    const own = { name: "own", domains: ["x"] };
    const clash = head("80", { vhds: { config_source: { ads: {} } }, virtual_hosts: [own] });
    await expect(hosts.setTable(clash.head)).rejects.toThrow('domain "x" is given twice');
  });

  it("forgets tables that nobody wants, and those that come whole", async () => {
    const { hosts, state, ask } = open();
    for (const name of ["80", "90"]) await hosts.setTable(head(name).head);
    await hosts.apply([host("80/a"), host("90/a"), host("90/b")], []);
    expect(hosts.retain(new Set(["80"]))).toEqual(["90/a", "90/b"]);
    await hosts.setTable(head("80", {}).head);
    expect([hosts.needed, state.records.size, ask("80", "80/a")]).toEqual([false, 0, undefined]);
  });

  it("does not take removals of a table that it forgot for an answer", async () => {
    const { hosts, routes } = open();
    await hosts.setTable(head("80").head);
    await hosts.apply([host("80/a")], []);
    hosts.retain(new Set());
    expect(await hosts.apply([], ["80/a"])).toEqual([]);
    routes.retain(new Set());
    await hosts.setTable(head("80").head);
    expect(routes.get("80")).toBeUndefined();
  });

  it("tells what is no virtual host", async () => {
    const { hosts } = open();
    await hosts.setTable(head("80").head);
    const bytes = { name: "80/a", value: Buffer.from([0xff]), version: "1" };
    expect(await hosts.apply([bytes], [])).toEqual([
      expect.stringContaining("80/a: is no envoy.config.route.v3.VirtualHost"),
    ]);
  });
});
