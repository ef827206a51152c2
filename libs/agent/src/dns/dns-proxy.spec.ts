import { Resolver } from "node:dns/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@weft/base";
import { silentLogger } from "@weft/observability";
import { describeWithPeer, freePort, startChild } from "@weft/testkit";
import { deadAddress, type Listening, nameTable, startDatagrams } from "../testing/dns-peers.ts";
import { type DnsProxy, type DnsProxyOptions, startDnsProxy } from "./dns-proxy.ts";
import type { DnsAddress } from "./resolv-conf.ts";

const mesh = nameTable({
  "web.default.svc.cluster.local": { ips: ["10.0.0.1", "fd00::1"], shortname: "web", namespace: "default" },
  "pods.default.svc.cluster.local": {
    ips: Array.from({ length: 200 }, (_, i) => `10.1.0.${i}`),
    shortname: "pods",
    namespace: "default",
  },
  "www.example.com": ["240.240.0.1"],
  "*.wild.com": ["240.240.0.2"],
});

const opened: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function start(
  upstreams: readonly DnsAddress[] = [],
  more: Partial<DnsProxyOptions> & { parallel?: boolean; empty?: boolean } = {},
) {
  const proxy = await startDnsProxy({
    config: {
      addresses: [{ address: "127.0.0.1", port: 0 }],
      upstreams,
      parallel: more.parallel ?? false,
      namespace: "default",
      domain: "default.svc.cluster.local",
      search: ["default.svc.cluster.local"],
    },
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    ...more,
  });
  opened.push(proxy);
  if (more.empty !== true) proxy.update(mesh);
  return { proxy, resolver: resolverOf(proxy), ...(proxy.addresses[0] as DnsAddress) };
}

/** Node's own resolver, c-ares, that asks this proxy alone. */
function resolverOf({ addresses: [at] }: DnsProxy) {
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`${at?.address}:${at?.port}`]);
  return resolver;
}

const keep = async (listening: Promise<Listening>): Promise<Listening> => {
  const one = await listening;
  opened.push(one);
  return one;
};

describe("startDnsProxy()", () => {
  it("answers for the names of the mesh", async () => {
    const { resolver, proxy } = await start();
    expect(await resolver.resolve4("web", { ttl: true })).toEqual([{ address: "10.0.0.1", ttl: 30 }]);
    expect(await resolver.resolve6("WEB.default.svc.cluster.local")).toEqual(["fd00::1"]);
    expect(await resolver.resolve4("any.wild.com")).toEqual(["240.240.0.2"]);
    expect(await resolver.resolve4("www.example.com.default.svc.cluster.local")).toEqual(["240.240.0.1"]);
    await expect(resolver.resolve6("www.example.com")).rejects.toMatchObject({ code: "ENODATA" });
    expect(proxy.counters).toMatchObject({ requests: 5, upstreamRequests: 0 });
  });

  it("gives all of a long answer, over TCP", async () => {
    const { resolver } = await start();
    const addresses = await resolver.resolve4("pods");
    expect(new Set(addresses).size).toBe(200);
  });

  it("changes the order of the addresses", async () => {
    const { resolver } = await start();
    const firsts = await Promise.all(
      Array.from({ length: 20 }, async () => (await resolver.resolve4("pods"))[0]),
    );
    expect(new Set(firsts).size).toBeGreaterThan(5);
  });

  it("answers nobody before it has a table", async () => {
    const { resolver, proxy } = await start([], { empty: true });
    await expect(resolver.resolve4("web")).rejects.toMatchObject({ code: "ESERVFAIL" });
    proxy.update(mesh);
    expect(await resolver.resolve4("web")).toEqual(["10.0.0.1"]);
    proxy.update(nameTable({}));
    await expect(resolver.resolve4("web")).rejects.toMatchObject({ code: "ESERVFAIL" });
  });

  it("passes over garbage, and ends a connection that sends it", async () => {
    const { resolver, port } = await start();
    const socket = connect(port, "127.0.0.1");
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.write(Buffer.from([0, 3, 1, 2, 3]));
    await closed;
    expect(await resolver.resolve4("web")).toEqual(["10.0.0.1"]);
  });

  it("takes messages of one connection in pieces and several at a time", async () => {
    const { port } = await start();
    const query = Buffer.from("000d12340120000100000000000003776562000001 0001".replace(" ", ""), "hex");
    query.writeUInt16BE(query.length - 2, 0);
    const socket = connect(port, "127.0.0.1");
    opened.push({ close: () => void socket.destroy() });
    let got = 0;
    const both = new Promise<void>((resolve) =>
      socket.on("data", (chunk) => {
        got += chunk.length;
        if (got >= 2 * (query.length + 16)) resolve();
      }),
    );
    const stream = Buffer.concat([query, query]);
    for (const [from, to] of [
      [0, 1],
      [1, 9],
      [9, stream.length],
    ]) {
      await new Promise((resolve) => socket.write(stream.subarray(from, to), resolve));
    }
    await both;
    expect(got).toBe(2 * (query.length + 16));
  });

  it("says which address is taken", async () => {
    const { address, port } = await start();
    const config = {
      addresses: [{ address, port }],
      upstreams: [],
      parallel: false,
      namespace: "",
      domain: "",
      search: [],
    };
    await expect(
      startDnsProxy({ config, clock: systemClock, random: Math.random, logger: silentLogger }),
    ).rejects.toThrow(
      `cannot answer DNS on tcp 127.0.0.1:${port} (DNS_PROXY_ADDR): the port is taken by another process`,
    );
  });
});

describe("startDnsProxy() with bad servers upstream", () => {
  it.each([false, true])("asks another one where one is dead (parallel: %s)", async (parallel) => {
    const upstream = await start();
    upstream.proxy.update(nameTable({ "outside.com": ["192.0.2.1"] }));
    const dead = await deadAddress();
    const { resolver, proxy } = await start([dead, upstream], { parallel });
    for (let i = 0; i < 5; i++) expect(await resolver.resolve4("outside.com")).toEqual(["192.0.2.1"]);
    expect(proxy.counters).toMatchObject({ requests: 5, upstreamRequests: 5, upstreamFailures: 0 });
  });

  it.each([false, true])("asks another one where one is silent (parallel: %s)", async (parallel) => {
    const upstream = await start();
    upstream.proxy.update(nameTable({ "outside.com": ["192.0.2.1"] }));
    const silent = await keep(startDatagrams(() => []));
    // Never 1: the silent one stays the first.
    const { resolver } = await start([silent, upstream], {
      parallel,
      upstreamTimeoutMs: 400,
      random: () => 0.5,
    });
    expect(await resolver.resolve4("outside.com")).toEqual(["192.0.2.1"]);
  });

  it("fails where all are silent, dead or refuse", async () => {
    const silent = await keep(startDatagrams(() => []));
    const dead = await deadAddress();
    const { resolver, proxy } = await start([silent, dead], { upstreamTimeoutMs: 100 });
    await expect(resolver.resolve4("outside.com")).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(proxy.counters).toMatchObject({ upstreamRequests: 1, upstreamFailures: 1 });
    const [sum, total] = [proxy.counters.upstreamDuration.sum, proxy.counters.upstreamDuration.counts];
    expect(sum).toBeGreaterThan(0.04);
    expect(total.reduce((a, b) => a + b)).toBe(1);
  });

  it("takes no answer under another id, to another question, or of garbage", async () => {
    const refuse = (message: Buffer, change: (reply: Buffer) => void) => {
      const reply = Buffer.from(message);
      reply.writeUInt16BE(0x8183, 2); // NXDOMAIN
      change(reply);
      return reply;
    };
    const forger = await keep(
      startDatagrams((message) => [
        Buffer.from("garbage"),
        refuse(message, (reply) => reply.writeUInt16BE(reply.readUInt16BE(0) ^ 1, 0)),
        refuse(message, (reply) => reply.writeUInt8(0x78, 13)),
        refuse(message, () => {}),
      ]),
    );
    const { resolver } = await start([forger]);
    // Only the last one counts.
    await expect(resolver.resolve4("outside.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("ends what waits when it is closed", async () => {
    const silent = await keep(startDatagrams(() => []));
    const { proxy } = await start([silent]);
    const resolver = resolverOf(proxy);
    const waiting = resolver.resolve4("outside.com").catch((error: { code: string }) => error.code);
    while (proxy.counters.upstreamRequests === 0) await new Promise(setImmediate);
    await proxy.close();
    resolver.cancel();
    expect(["ECANCELLED", "ESERVFAIL"]).toContain(await waiting);
    expect(proxy.counters.upstreamFailures).toBe(1);
  });

  it("does not ask itself", async () => {
    const port = await freePort();
    const config = {
      addresses: [{ address: "127.0.0.1", port }],
      upstreams: [{ address: "127.0.0.1", port }],
      parallel: false,
      namespace: "default",
      domain: "default.svc.cluster.local",
      search: [],
    };
    const proxy = await startDnsProxy({
      config,
      clock: systemClock,
      random: Math.random,
      logger: silentLogger,
    });
    opened.push(proxy);
    proxy.update(mesh);
    await expect(resolverOf(proxy).resolve4("outside.com")).rejects.toMatchObject({ code: "ESERVFAIL" });
    expect(proxy.counters.requests).toBe(1);
  });
});

describeWithPeer("coredns", "startDnsProxy() before a real CoreDNS", (coredns) => {
  it("passes on what the mesh does not know: all types, errors, and answers too long for UDP", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-coredns-"));
    const port = await freePort();
    const records = Array.from({ length: 100 }, (_, i) => `many IN A 192.0.2.${i}\n`).join("");
    const head = "$ORIGIN outside.com.\n@ 60 IN SOA ns.outside.com. me.outside.com. 1 60 60 60 60\n";
    writeFileSync(
      join(folder, "zone"),
      `${head}one 60 IN A 192.0.2.1\none IN AAAA 2001:db8::1\none IN TXT "hello"\nother IN CNAME one\n_sip._tcp IN SRV 1 2 5060 one\n${records}`,
    );
    writeFileSync(
      join(folder, "Corefile"),
      `outside.com:${port} {\n bind 127.0.0.1\n file ${join(folder, "zone")}\n log\n}\n`,
    );
    const child = await startChild(coredns, { args: ["-conf", join(folder, "Corefile")], ready: /CoreDNS-/ });
    opened.push({
      close: async () => {
        await child.stop();
        rmSync(folder, { recursive: true });
      },
    });
    const { resolver, proxy } = await start([{ address: "127.0.0.1", port }]);
    expect(await resolver.resolve4("one.outside.com", { ttl: true })).toEqual([
      { address: "192.0.2.1", ttl: 60 },
    ]);
    expect(await resolver.resolve6("one.outside.com")).toEqual(["2001:db8::1"]);
    expect(await resolver.resolveTxt("one.outside.com")).toEqual([["hello"]]);
    expect(await resolver.resolveCname("other.outside.com")).toEqual(["one.outside.com"]);
    expect(await resolver.resolve4("other.outside.com")).toEqual(["192.0.2.1"]);
    expect(await resolver.resolveSrv("_sip._tcp.outside.com")).toMatchObject([
      { name: "one.outside.com", port: 5060 },
    ]);
    expect(new Set(await resolver.resolve4("many.outside.com")).size).toBe(100);
    await expect(resolver.resolve4("none.outside.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver.resolveMx("one.outside.com")).rejects.toMatchObject({ code: "ENODATA" });
    await expect(resolver.resolve4("elsewhere.com")).rejects.toMatchObject({ code: "EREFUSED" });
    expect(await resolver.resolve4("web")).toEqual(["10.0.0.1"]);
    expect(proxy.counters.upstreamFailures).toBe(0);
  }, 20_000);
});
