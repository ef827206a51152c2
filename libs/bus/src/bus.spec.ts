import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { ConfigChangedSchema, ProxyConnectedSchema } from "@weft/mesh-rpc";
import { silentLogger } from "@weft/observability";
import { describeWithPeer } from "@weft/testkit";
import { type Bus, maxPending } from "./bus.ts";
import type { BusEvent } from "./events.ts";
import { createInProcessBus } from "./in-process.ts";
import { createNatsBus } from "./nats.ts";

const connected = (node: string): BusEvent => ({
  subject: "weft.proxy.v1.connected",
  payload: create(ProxyConnectedSchema, { node, pilot: "pilot-1" }),
});
const changed = (version: string): BusEvent => ({
  subject: "weft.config.v1.changed",
  payload: create(ConfigChangedSchema, { version, total: 1 }),
});

/** Collects events; `until(n)` resolves when there are n. */
function collector() {
  const events: BusEvent[] = [];
  let check = () => {};
  return {
    events,
    handler: (event: BusEvent) => {
      events.push(event);
      check();
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        check = () => {
          if (events.length >= count) resolve();
        };
        check();
      }),
  };
}

function contract(createOne: () => Promise<Bus>) {
  let bus: Bus;
  beforeEach(async () => {
    bus = await createOne();
  });
  afterEach(() => bus.close());

  it("hands events to the subscriptions that match, in order, and never within publish", async () => {
    const proxies = collector();
    const all = collector();
    bus.subscribe("weft.proxy.*.connected", proxies.handler);
    bus.subscribe("weft.>", all.handler);
    bus.publish(connected("a"));
    bus.publish(changed("1"));
    bus.publish(connected("b"));
    expect(all.events).toEqual([]);
    await Promise.all([proxies.until(2), all.until(3)]);
    expect(all.events).toEqual([connected("a"), changed("1"), connected("b")]);
    expect(proxies.events).toEqual([connected("a"), connected("b")]);
  });

  it("goes on after a handler that throws", async () => {
    const good = collector();
    bus.subscribe("weft.>", (event) => {
      good.handler(event);
      throw new Error("no");
    });
    bus.publish(connected("a"));
    bus.publish(connected("b"));
    await good.until(2);
  });

  it("hands nothing over after unsubscribe", async () => {
    const left = collector();
    const stays = collector();
    const unsubscribe = bus.subscribe("weft.>", left.handler);
    bus.subscribe("weft.>", stays.handler);
    unsubscribe();
    unsubscribe();
    bus.publish(connected("a"));
    await stays.until(1);
    expect(left.events).toEqual([]);
  });

  it("hands over what was published before close, and takes nothing after", async () => {
    const all = collector();
    bus.subscribe("weft.>", all.handler);
    bus.publish(connected("a"));
    await bus.close();
    bus.publish(connected("b"));
    await bus.close();
    expect(all.events).toEqual([connected("a")]);
  });

  it.each(["weft..x", "weft.>.x", ""])("does not take the pattern %j", (pattern) => {
    expect(() => bus.subscribe(pattern, () => {})).toThrow(`subject pattern "${pattern}"`);
  });
}

describe("createInProcessBus()", () => {
  contract(async () => createInProcessBus(silentLogger));

  it("drops the oldest events where a handler does not keep up", async () => {
    const bus = createInProcessBus(silentLogger);
    const all = collector();
    bus.subscribe("weft.>", all.handler);
    for (let index = 0; index <= maxPending; index++) bus.publish(changed(String(index)));
    await bus.close();
    expect(all.events).toHaveLength(maxPending);
    expect(all.events[0]).toEqual(changed("1"));
  });
});

describeWithPeer("nats-server", "createNatsBus()", (natsServer) => {
  let server: ChildProcess;
  let url: string;
  beforeAll(async () => {
    server = spawn(natsServer, ["-a", "127.0.0.1", "-p", "-1"], { stdio: ["ignore", "ignore", "pipe"] });
    for await (const line of createInterface({ input: server.stderr! })) {
      const found = /client connections on (\S+)/.exec(line);
      if (found !== null) url = `nats://${found[1]}`;
      if (line.includes("Server is ready")) break;
    }
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await ended;
  });
  contract(() => createNatsBus({ url, name: "test", logger: silentLogger }));

  it("says which server it cannot reach", async () => {
    await expect(
      createNatsBus({ url: "nats://127.0.0.1:1", name: "test", logger: silentLogger }),
    ).rejects.toThrow("cannot connect to NATS at nats://127.0.0.1:1");
  });
});
