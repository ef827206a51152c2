import { createFakeClock } from "@weft/base";
import { type ResourceSet, typeUrls } from "@weft/envoy-api";
import { createXdsClient, type XdsClient, type XdsClientEvent } from "./client.ts";
import { accept, reject, type Verdict, type XdsUpdate } from "./client-subscription.ts";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import { createXdsServer, type XdsServer } from "./server.ts";
import { setOf } from "./testing/exchange.ts";
import { until } from "./testing/until.ts";

describe.each(["delta", "sotw"] as const)("createXdsClient() in %s", (mode) => {
  const clock = createFakeClock();
  let server: XdsServer;
  let port = 0;
  let set: ResourceSet;
  let client: XdsClient;
  let clientEvents: XdsClientEvent[];
  let serverEvents: XdsServerEvent[];

  const serve = async () => {
    server = createXdsServer({
      onConnect: (connection) => {
        connection.update(set);
        return undefined;
      },
      onEvent: (event) => serverEvents.push(event),
    });
    port = await server.listen(`127.0.0.1:${port}`);
  };
  const connection = () => server.connections()[0] as XdsConnection;
  const state = (typeUrl: string) =>
    connection()
      ?.status()
      .find((status) => status.typeUrl === typeUrl);
  const push = (...resources: readonly string[]) => {
    set = setOf(...resources);
    connection().update(set);
  };
  /** Subscribes, and keeps what has come, as texts of name and version. */
  const watch = (typeUrl: string, names: "*" | readonly string[], judge = (_: XdsUpdate) => accept) => {
    const has = new Map<string, string>();
    const updates: string[] = [];
    const subscription = client.subscribe(typeUrl, {
      names,
      onUpdate: (update) => {
        updates.push([...update.changed.keys(), ...update.removed.map((name) => `-${name}`)].join(" "));
        const verdict = judge(update);
        if (verdict.kind === "reject") return verdict;
        for (const [name, { version }] of update.changed) has.set(name, version);
        for (const name of update.removed) has.delete(name);
        return verdict;
      },
    });
    return { subscription, updates, has };
  };

  beforeEach(async () => {
    port = 0;
    set = setOf("CDS a", "CDS b", "EDS a", "EDS b");
    clientEvents = [];
    serverEvents = [];
    await serve();
    client = createXdsClient({
      address: `127.0.0.1:${port}`,
      node: { id: "client" },
      mode,
      clock,
      random: () => 0,
      onEvent: (event) => clientEvents.push(event),
    });
  });
  afterEach(async () => {
    client.close();
    await server.close(0);
  });

  it("takes in what there is, and what changes", async () => {
    const { has, updates, subscription } = watch(typeUrls.cluster, "*");
    await until("clusters", () => subscription.ready);
    push("CDS b=2", "CDS c");
    await until("the change", () => has.has("c") && !has.has("a"));
    expect(updates).toEqual(mode === "delta" ? ["a b", "b c -a"] : ["a b", "b c -a"]);
    await until("the ACK", () => state(typeUrls.cluster)?.state === "SYNCED");
  });

  it("asks for names as they come and go, and for none where there is none", async () => {
    const clusters = watch(typeUrls.cluster, "*");
    const { has, updates, subscription } = watch(typeUrls.endpoint, []);
    await until("clusters", () => clusters.subscription.ready);
    expect(state(typeUrls.endpoint)).toBeUndefined();
    subscription.setNames(["a"]);
    await until("the first name", () => has.has("a"));
    subscription.setNames(["a", "b"]);
    await until("the second name", () => has.has("b"));
    subscription.setNames(["b"]);
    await until("one name", () => state(typeUrls.endpoint)?.names?.size === 1);
    push("EDS a=2", "EDS b=2");
    await until("a change", () => updates.length === 3);
    expect(updates).toEqual(["a", "b", "b"]);
  });

  it("rejects with its reason, goes on, and can reject later as well", async () => {
    const { has, subscription } = watch(typeUrls.cluster, "*", ({ changed }) =>
      changed.has("bad") ? reject("cluster bad: no such thing") : accept,
    );
    await until("clusters", () => has.size === 2);
    push("CDS a", "CDS b", "CDS bad");
    await until("the NACK", () => state(typeUrls.cluster)?.nacked?.message === "cluster bad: no such thing");
    expect(clientEvents.at(-1)).toMatchObject({ kind: "rejected", reason: "cluster bad: no such thing" });
    push("CDS a", "CDS b", "CDS good");
    await until("the ACK", () => has.has("good") && state(typeUrls.cluster)?.state === "SYNCED");
    subscription.reject("after all");
    await until("the late NACK", () => state(typeUrls.cluster)?.nacked?.message === "after all");
  });

  it("does not answer before it has judged, though its names change meanwhile", async () => {
    let release = () => {};
    const judged = new Promise<Verdict>((resolve) => {
      release = () => resolve(accept);
    });
    const subscription = client.subscribe(typeUrls.endpoint, { names: ["a"], onUpdate: () => judged });
    await until("the response", () => state(typeUrls.endpoint)?.sent);
    await until("its arrival", () => client.connected);
    subscription.setNames(["a", "b"]);
    const clusters = watch(typeUrls.cluster, "*");
    await until("an answer to a later request", () => clusters.subscription.ready);
    expect(state(typeUrls.endpoint)).toMatchObject({ state: "STALE", acked: undefined });
    release();
    await until("the ACK", () => state(typeUrls.endpoint)?.state === "SYNCED");
    expect(state(typeUrls.endpoint)?.names).toEqual(new Set(["a", "b"]));
  });

  it("rejects what its owner throws at", async () => {
    watch(typeUrls.cluster, "*", () => {
      throw new Error("cannot compile");
    });
    await until("the NACK", () => state(typeUrls.cluster)?.nacked?.message === "cannot compile");
  });

  it("comes back with what it has, after longer and longer waits", async () => {
    const { has, updates } = watch(typeUrls.cluster, "*");
    await until("clusters", () => has.size === 2);
    await until("the ACK", () => state(typeUrls.cluster)?.state === "SYNCED");
    await server.close(0);
    const waits = () =>
      clientEvents.flatMap((event) => (event.kind === "disconnected" ? [event.retryMs] : []));
    for (const expected of [500, 1_000, 2_000]) {
      await until(`a wait of ${expected} ms`, () => waits().at(-1) === expected);
      expect(client.connected).toBe(false);
      if (expected < 2_000) clock.advance(expected);
    }
    expect(waits()).toEqual([500, 1_000, 2_000]);
    serverEvents.length = 0;
    await serve();
    clock.advance(2_000);
    await until("the server", () => state(typeUrls.cluster)?.state === "SYNCED");
    expect(serverEvents.reduce((sum, event) => sum + (event.kind === "sent" ? event.resources : 0), 0)).toBe(
      0,
    );
    expect(updates).toHaveLength(1);
    push("CDS a", "CDS c");
    await until("a change", () => has.has("c") && !has.has("b"));
    expect(client.connected).toBe(true);
  });

  it("judges one update of a type at a time, even if the stream is another one by then", async () => {
    let judging = 0;
    let most = 0;
    let calls = 0;
    let release = () => {};
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const subscription = client.subscribe(typeUrls.cluster, {
      names: "*",
      onUpdate: async () => {
        most = Math.max(most, ++judging);
        if (++calls === 1) await first;
        judging--;
        return accept;
      },
    });
    await until("the first update", () => calls === 1);
    await server.close(0);
    await until("the loss of the server", () => clientEvents.at(-1)?.kind === "disconnected");
    set = setOf("CDS a=2");
    await serve();
    clock.advance(500);
    await until("the response on the other stream", () => state(typeUrls.cluster)?.sent && client.connected);
    expect(calls).toBe(1);
    release();
    await until("the ACK", () => state(typeUrls.cluster)?.state === "SYNCED");
    expect({ most, calls, ready: subscription.ready }).toEqual({ most: 1, calls: 2, ready: true });
  });

  it("says when the first answer is late", async () => {
    await server.close(0);
    let late = 0;
    const wait = { names: "*" as const, onUpdate: () => accept, onInitialFetchTimeout: () => late++ };
    client.subscribe(typeUrls.cluster, wait);
    client.subscribe(typeUrls.listener, { ...wait, initialFetchTimeoutMs: 0 });
    clock.advance(14_999);
    expect(late).toBe(0);
    clock.advance(1);
    expect(late).toBe(1);
  });
});
