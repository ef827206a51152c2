import {
  buildPreference,
  distance,
  isIn,
  labelRank,
  type PreferenceInput,
  shareWeights,
} from "./locality.ts";

const here = { region: "r1", zone: "z1", subzone: "s1" };
const given: PreferenceInput = {
  setting: undefined,
  mesh: {},
  service: {},
  noticesFailures: true,
  locality: here,
  labels: { app: "a", "topology.kubernetes.io/region": "r1" },
};
const nothing = { preference: {}, weighted: false };
const failover = [{ from: "r1", to: "r2" }];

describe("buildPreference()", () => {
  it.each<[string, Partial<PreferenceInput>, ReturnType<typeof buildPreference>]>([
    ["near ones, by default", {}, { preference: { near: here }, weighted: false }],
    ["nothing without outlier detection", { noticesFailures: false }, nothing],
    [
      "nothing where the proxy's place is unknown",
      { locality: { region: "", zone: "", subzone: "" } },
      nothing,
    ],
    ["nothing where a rule says so", { setting: { enabled: false, failover } }, nothing],
    ["nothing where the mesh says so", { mesh: { localityLbSetting: { enabled: false } } }, nothing],
    [
      "what the rule says, not the mesh",
      { setting: { failover }, mesh: { localityLbSetting: { enabled: false } } },
      { preference: { near: here, failover }, weighted: true },
    ],
    [
      "shares, without outlier detection",
      {
        noticesFailures: false,
        setting: {
          distribute: [
            { from: "r2/*", to: {} },
            { from: "r1/z1/*", to: { r1: 100 } },
          ],
        },
      },
      { preference: { shares: { r1: 100 } }, weighted: true },
    ],
    [
      "no shares for another place",
      { setting: { distribute: [{ from: "r2/*", to: { r1: 1 } }] } },
      { preference: {}, weighted: true },
    ],
    [
      "labels, with the proxy's values and given ones",
      { setting: { failoverPriority: ["app", "version=v1", "zone"] } },
      {
        preference: {
          labels: [
            { name: "app", value: "a" },
            { name: "version", value: "v1" },
            { name: "zone", value: undefined },
          ],
        },
        weighted: true,
      },
    ],
    [
      "labels, then places",
      { setting: { failoverPriority: ["app"], failover } },
      { preference: { labels: [{ name: "app", value: "a" }], near: here, failover }, weighted: true },
    ],
  ])("prefers %s", (_, change, expected) => {
    expect(buildPreference({ ...given, ...change })).toEqual(expected);
  });

  it("takes a service at its word, without outlier detection, but for a rule of its own", () => {
    const close = {
      ...given,
      noticesFailures: false,
      service: { trafficDistribution: "PreferClose" },
    } as const;
    expect(buildPreference(close).preference.labels?.map(({ value }) => value)).toEqual([
      undefined,
      "r1",
      undefined,
      undefined,
    ]);
    expect(buildPreference({ ...close, setting: { failover } })).toEqual(nothing);
  });
});

describe("distance()", () => {
  it.each([
    ["r1", "z1", "s1", 0],
    ["r1", "z1", "s2", 1],
    ["r1", "z2", "s1", 2],
    ["r2", "z1", "s1", 3],
    ["r3", "z1", "s1", 4],
  ])("to %s/%s/%s", (region, zone, subzone, expected) => {
    expect(distance(here, { region, zone, subzone }, failover)).toBe(expected);
  });
});

describe("isIn()", () => {
  it.each([
    ["*", true],
    ["r1", true],
    ["r1/*", true],
    ["r1/z1/s1", true],
    ["r1/z2/*", false],
    ["r", false],
  ])("%s: %s", (pattern, expected) => {
    expect(isIn(here, pattern)).toBe(expected);
  });
});

describe("labelRank()", () => {
  const wanted = [
    { name: "a", value: "1" },
    { name: "b", value: "2" },
  ];
  it.each([
    [{ a: "1", b: "2" }, 0],
    [{ a: "1" }, 1],
    [{ b: "2" }, 2],
  ])("of %j", (labels, expected) => {
    expect(labelRank(labels, wanted)).toBe(expected);
  });
});

describe("shareWeights()", () => {
  it("divides a share by weight, and leaves out what has none", () => {
    const places = [
      { ...here, weight: 1 },
      { ...here, zone: "z2", weight: 3 },
      { ...here, region: "r2", weight: 5 },
      { ...here, region: "r3", weight: 5 },
    ];
    expect(shareWeights(places, { "r2/*": 20, "r1/*": 80 })).toEqual([20, 60, 20, undefined]);
  });
});
