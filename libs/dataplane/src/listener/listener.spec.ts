import { connect, type Socket } from "node:net";
import { createFakeClock } from "@weft/base";
import { silentLogger } from "@weft/observability";
import type { ListenerConfig } from "../runtime/listener-config.ts";
import { createStatsStore } from "../stats/index.ts";
import { filterChain, listenerConfig } from "./fixtures.ts";
import { createListenerManager } from "./manager.ts";
import { parseSockaddr } from "./original-destination.ts";

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

function setUp(original?: { address: string; port: number }) {
  const clock = createFakeClock();
  const stats = createStatsStore();
  const manager = createListenerManager({
    clock,
    stats,
    logger: silentLogger,
    lookupOriginalDestination: () => original,
    drainTimeMs: 5000,
  });
  cleanup.push(() => manager.close());
  const portOf = (name: string) => manager.listeners.get(name)?.localAddresses[0]?.port ?? 0;
  return { clock, stats, manager, portOf };
}

/** A client that collects what it reads. */
async function dial(port: number) {
  const socket: Socket = connect(port, "127.0.0.1");
  cleanup.push(() => {
    socket.destroy();
  });
  socket.on("error", () => {});
  let text = "";
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const fn of waiting) fn();
  };
  let closed = false;
  socket.on("data", (chunk) => {
    text += chunk.toString();
    wake();
  });
  socket.on("close", () => {
    closed = true;
    wake();
  });
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (condition()) {
          waiting.delete(check);
          resolve();
        }
      };
      waiting.add(check);
      check();
    });
  await new Promise((resolve) => socket.once("connect", resolve));
  return {
    write: (data: string) => socket.write(data),
    reads: (expected: string) => until(() => text.includes(expected)),
    closes: () => until(() => closed),
    text: () => text,
  };
}

const plain = (changes: Partial<ListenerConfig> = {}) =>
  listenerConfig({ filterChains: [filterChain("plain")], ...changes });

describe("createListenerManager()", () => {
  it("serves a connection by its filter chain", async () => {
    const { manager, portOf, stats } = setUp();
    await manager.upsert(plain());
    const client = await dial(portOf("l"));
    client.write("hello");
    await client.reads("plain:hello");
    expect(stats.counters.get("listener.l.downstream_cx_total")?.value).toBe(1);
    expect(manager.connectionCount()).toBe(1);
  });

  it("replays the bytes that inspection took", async () => {
    const { manager, portOf } = setUp();
    const on = { disabled: () => false };
    await manager.upsert(
      plain({
        listenerFilters: [
          { kind: "tls-inspector", ...on },
          { kind: "http-inspector", ...on },
        ],
        filterChains: [
          filterChain("tls", { transportProtocol: "tls" }),
          filterChain("http", { transportProtocol: "raw_buffer", applicationProtocols: ["http/1.1"] }),
          filterChain("tcp", { transportProtocol: "raw_buffer" }),
        ],
      }),
    );
    const http = await dial(portOf("l"));
    http.write("GET / HT");
    http.write("TP/1.1\r\nhost: a\r\n\r\n");
    await http.reads("http:GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    const tcp = await dial(portOf("l"));
    tcp.write("\x00\x01");
    await tcp.reads("tcp:\x00\x01");
  });

  it.each([
    [true, "plain:"],
    [false, ""],
  ])("on inspection timeout goes on or closes (continue: %s)", async (continueOnTimeout, expected) => {
    const { manager, portOf, clock, stats } = setUp();
    await manager.upsert(
      plain({ continueOnTimeout, listenerFilters: [{ kind: "tls-inspector", disabled: () => false }] }),
    );
    const client = await dial(portOf("l"));
    while (stats.gauges.get("listener.l.downstream_pre_cx_active")?.value !== 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    clock.advance(15_000);
    await (continueOnTimeout ? client.reads(expected) : client.closes());
    expect(client.text()).toBe(expected);
    expect(stats.counters.get("listener.l.downstream_pre_cx_timeout")?.value).toBe(1);
  });

  it("closes what no chain matches", async () => {
    const { manager, portOf, stats } = setUp();
    await manager.upsert(listenerConfig({ filterChains: [filterChain("x", { destinationPort: 1 })] }));
    await (await dial(portOf("l"))).closes();
    expect(stats.counters.get("listener.l.no_filter_chain_match")?.value).toBe(1);
  });

  it("keeps connections of unchanged chains and drains the others on update, on the same socket", async () => {
    const { manager, portOf } = setUp();
    await manager.upsert(plain());
    const port = portOf("l");
    const kept = await dial(port);
    await kept.reads("plain:");
    await manager.upsert(
      plain({ version: "2", filterChains: [filterChain("plain"), filterChain("b", { destinationPort: 1 })] }),
    );
    kept.write("still");
    await kept.reads("plain:still");
    await manager.upsert(plain({ version: "3", filterChains: [filterChain("new")] }));
    await kept.reads("bye");
    expect(portOf("l")).toBe(port);
    await (await dial(port)).reads("new:");
  });

  it("drains on removal, and closes what is left after the drain time", async () => {
    const { manager, portOf, clock } = setUp();
    const stubborn = filterChain("stubborn");
    await manager.upsert(
      plain({ filterChains: [{ ...stubborn, serve: (c) => ({ ...stubborn.serve(c), drain: () => {} }) }] }),
    );
    const port = portOf("l");
    const client = await dial(port);
    await client.reads("stubborn:");
    await manager.remove("l");
    await expect(
      new Promise((resolve, reject) => connect(port, "127.0.0.1").on("connect", resolve).on("error", reject)),
    ).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.write("more");
    await client.reads("more");
    clock.advance(5000);
    await client.closes();
  });

  it("closes the connections of removed listeners too when it closes", async () => {
    const { manager, portOf } = setUp();
    const stubborn = filterChain("stubborn");
    await manager.upsert(
      plain({ filterChains: [{ ...stubborn, serve: (c) => ({ ...stubborn.serve(c), drain: () => {} }) }] }),
    );
    const client = await dial(portOf("l"));
    await client.reads("stubborn:");
    await manager.remove("l");
    expect(manager.connectionCount()).toBe(1);
    await manager.close();
    await client.closes();
  });

  it("says which address it cannot bind, and keeps the present configuration", async () => {
    const { manager, portOf } = setUp();
    await manager.upsert(plain());
    const taken = { address: "127.0.0.1", port: portOf("l") };
    await expect(manager.upsert(plain({ name: "other", addresses: [taken] }))).rejects.toThrow(
      `cannot bind '127.0.0.1:${taken.port}' for listener other: `,
    );
    expect([...manager.listeners.keys()]).toEqual(["l"]);
  });

  it.each([
    ["its exact address", { address: "192.0.2.7", port: 9080 }, "exact:"],
    ["the wildcard address of its port", { address: "192.0.2.8", port: 9080 }, "wildcard:"],
    ["the listener itself where no other fits", { address: "192.0.2.8", port: 1 }, "virtual:"],
  ])("hands a redirected connection over to %s", async (_name, original, expected) => {
    const { manager, portOf } = setUp(original);
    const unbound = (name: string, address: string) =>
      manager.upsert(
        plain({
          name,
          bindToPort: false,
          addresses: [{ address, port: 9080 }],
          filterChains: [filterChain(name)],
        }),
      );
    await unbound("wildcard", "0.0.0.0");
    await unbound("exact", "192.0.2.7");
    await manager.upsert(
      plain({
        // As istiod has it for virtualOutbound: without the listener filter.
        useOriginalDst: true,
        filterChains: [filterChain("virtual")],
      }),
    );
    await (await dial(portOf("l"))).reads(expected);
  });
});

describe("parseSockaddr()", () => {
  it.each([
    [`02001f90c0000201${"00".repeat(20)}`, { address: "192.0.2.1", port: 8080 }],
    ["0a0000500000000020010db800000000000000000000000100000000", { address: "2001:db8::1", port: 80 }],
    [`0100${"00".repeat(26)}`, undefined],
  ])("reads %s", (hex, expected) => {
    expect(parseSockaddr(Buffer.from(hex, "hex"))).toEqual(expected);
  });
});
