import { createRouteStore } from "./route-store.ts";

const table = (name: string) => ({ name, match: () => undefined });

describe("createRouteStore()", () => {
  it("calls once all names are answered for, present or not", () => {
    const store = createRouteStore();
    const called: string[] = [];
    store.whenAnswered(["a", "b"], () => called.push("ab"));
    store.whenAnswered([], () => called.push("none"));
    store.set("a", table("a"));
    expect(called).toEqual(["none"]);
    store.setAbsent("b");
    store.set("b", table("b"));
    expect(called).toEqual(["none", "ab"]);
    store.whenAnswered(["a"], () => called.push("a"));
    expect(called).toEqual(["none", "ab", "a"]);
  });

  it("gives up where told", () => {
    const store = createRouteStore();
    let called = false;
    const giveUp = store.whenAnswered(["a"], () => {
      called = true;
    });
    giveUp();
    store.set("a", table("a"));
    expect(called).toBe(false);
  });

  it("keeps a table whose removal the server tells of, and forgets what nobody wants", () => {
    const store = createRouteStore();
    store.set("a", table("a"));
    store.setAbsent("a");
    expect(store.get("a")?.name).toBe("a");
    store.retain(new Set(["b"]));
    expect(store.get("a")).toBeUndefined();
  });
});
