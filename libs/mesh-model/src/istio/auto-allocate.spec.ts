import { createStore } from "../store.ts";
import { anObject, snapshotOf } from "../testing/objects.ts";
import { addressesFor, allocateAddresses } from "./auto-allocate.ts";

function anEntry(name: string, spec: object = {}, labels: Readonly<Record<string, string>> = {}) {
  const ports = [{ name: "tcp", number: 5432, protocol: "TCP" }];
  return anObject(
    "ServiceEntry",
    name,
    { hosts: [`${name}.example.com`], resolution: "DNS", ports, ...spec },
    { labels },
  );
}

function allocated(...entries: readonly ReturnType<typeof anEntry>[]) {
  return snapshotOf(entries).services.all.map(
    ({ hostname, autoAllocatedAddresses: [v4, v6] = [] }) => [hostname, v4, v6] as const,
  );
}

describe("allocateAddresses()", () => {
  it("gives a service an address of each family, by the hash of its name", () => {
    // what Istio's own test expects of a host that two entries name
    const twice = ["http", "https"].map((name) => anEntry(name, { hosts: ["istio.io"] }));
    expect(allocated(...twice).map(([, v4]) => v4)).toEqual(["240.240.91.120", "240.240.91.120"]);
    expect(allocated(anEntry("db"))).toEqual([["db.example.com", "240.240.245.216", "2001:2::f0f0:f5d8"]]);
  });

  it.each<[string, object, Readonly<Record<string, string>>]>([
    ["addresses of its own", { addresses: ["10.0.0.1"] }, {}],
    ["a wildcard host", { hosts: ["*.example.com"] }, {}],
    ["resolution NONE", { resolution: "NONE" }, {}],
    ["the label that says no", {}, { "networking.istio.io/enable-autoallocate-ip": "false" }],
  ])("gives none to a service with %s", (_name, spec, labels) => {
    expect(allocated(anEntry("db", spec, labels))[0]?.[1]).toBeUndefined();
  });

  it("gives each of many an address, which none of the others moves", () => {
    const entries = Array.from({ length: 2000 }, (_, i) => anEntry(`db-${String(i).padStart(4, "0")}`));
    const all = new Map(allocated(...entries).map(([host, v4, v6]) => [host, `${v4} ${v6}`]));
    expect(new Set(all.values()).size).toBe(2000);
    expect(
      [...all.values()].every((text) => /^240\.240\.\d+\.[1-9]\d* 2001:2::f0f0:[1-9a-f]/.test(text)),
    ).toBe(true);
    const few = allocated(...entries.slice(0, 20));
    expect(few.map(([host, v4, v6]) => [host, `${v4} ${v6}`])).toEqual(
      few.map(([host]) => [host, all.get(host)]),
    );
  });

  it("gives every slot there is, and no more", () => {
    const [service] = snapshotOf([anEntry("db")]).services.all;
    if (service === undefined) throw new Error("no service");
    const many = Array.from({ length: 64_800 }, (_, i) => ({ ...service, hostname: `h${i}` }));
    const found = allocateAddresses(many);
    expect(found.size).toBe(64_770);
    expect(new Set([...found.values()].map(([v4]) => v4)).size).toBe(64_770);
  });

  it("keeps the services whose addresses have not changed", () => {
    const store = createStore();
    const add = (name: string) => store.apply({ kind: "upsert", object: anEntry(name) });
    add("db");
    const [before] = store.snapshot().services.all;
    add("other");
    expect(store.snapshot().services.all[0]).toBe(before);
  });
});

describe("addressesFor()", () => {
  const [service] = snapshotOf([anEntry("db")]).services.all;
  it.each([
    [false, ["10.0.0.1"], []],
    [true, ["10.0.0.1"], ["240.240.245.216"]],
    [true, ["fd00::1"], ["2001:2::f0f0:f5d8"]],
    [true, ["10.0.0.1", "fd00::1"], ["240.240.245.216", "2001:2::f0f0:f5d8"]],
  ])("where DNS is captured (%s) at a proxy with %j", (capturesDns, ipAddresses, expected) => {
    expect(service && addressesFor(service, { capturesDns, ipAddresses })).toEqual(expected);
  });
});
