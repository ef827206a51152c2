import { createFakeClock } from "@weft/base";
import type { ConnectedProxy } from "../proxies.ts";
import { createPropagation, type Propagated } from "./propagation.ts";

describe("createPropagation()", () => {
  /** A proxy of which the test says whether it has answered for all. */
  const proxyOf = () => {
    const state = { settled: false };
    const connection = { status: () => [{ typeUrl: "cds" }], settled: () => state.settled };
    return { proxy: { connection } as unknown as ConnectedProxy, state }; // the part that is looked at
  };
  const ref = (name: string) => ({ apiVersion: "v1", kind: "Service", namespace: "a", name });
  const create = () => {
    const clock = createFakeClock(1000);
    const arrived: Propagated[] = [];
    return { clock, arrived, propagation: createPropagation(clock, (one) => arrived.push(one)) };
  };

  it("measures from the change to the last answer of those it reached", () => {
    const { clock, arrived, propagation } = create();
    const [one, other] = [proxyOf(), proxyOf()];
    propagation.changed(ref("s"), "all");
    clock.advance(10);
    propagation.pushed("all", [one.proxy, other.proxy]);
    propagation.given(one.proxy);
    propagation.given(other.proxy);
    one.state.settled = true;
    propagation.answered(one.proxy);
    expect([arrived.length, propagation.underWay()]).toEqual([0, 1]);
    clock.advance(5);
    other.state.settled = true;
    propagation.answered(other.proxy);
    expect(arrived).toEqual([{ object: ref("s"), at: 1000, ms: 15, proxies: 2 }]);
    expect([propagation.recent, propagation.underWay()]).toEqual([arrived, 0]);
  });

  it("takes an answer only for what the proxy was given", () => {
    const { arrived, propagation } = create();
    const { proxy, state } = proxyOf();
    state.settled = true;
    propagation.changed(ref("s"), "all");
    propagation.pushed("all", [proxy]);
    propagation.answered(proxy);
    expect(arrived).toEqual([]);
    propagation.given(proxy);
    expect(arrived).toHaveLength(1);
  });

  it("lets endpoints go without the configuration that waits, and waits for nobody who is gone", () => {
    const { arrived, propagation } = create();
    const { proxy } = proxyOf();
    propagation.changed(ref("config"), "all");
    propagation.changed(ref("slice"), "endpoints");
    propagation.pushed("endpoints", [proxy]);
    propagation.answered(proxy, "gone");
    expect(arrived.map(({ object }) => object.name)).toEqual(["slice"]);
    propagation.pushed("all", [proxy]);
    propagation.answered(proxy, "gone");
    expect(arrived.map(({ object }) => object.name)).toEqual(["slice", "config"]);
  });

  it("gives up on pushes that a proxy owes an answer for too long", () => {
    const { arrived, propagation } = create();
    const { proxy, state } = proxyOf();
    for (let i = 0; i < 1_100; i++) {
      propagation.changed(ref(`s${i}`), "all");
      propagation.pushed("all", [proxy]);
      propagation.given(proxy);
    }
    expect(propagation.underWay()).toBe(1_000);
    state.settled = true;
    propagation.answered(proxy);
    expect([arrived.length, propagation.underWay()]).toEqual([1_000, 0]);
    expect(propagation.recent).toHaveLength(100);
  });
});
