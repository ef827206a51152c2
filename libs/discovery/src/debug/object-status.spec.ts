import { toObjectStatus } from "./object-status.ts";

const route = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "HTTPRoute",
  name: "web",
  namespace: "shop",
};
const service = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  name: "a",
  namespace: "shop",
};
const nothing = { problems: [], rejections: [], statuses: [] };
const condition = (type: string, status: string) => ({ type, status, reason: "Because", message: "so" });

describe("toObjectStatus()", () => {
  it("says what is wrong with which object, the worst state counting", () => {
    const problem = { code: "c", path: "spec.http[0]", message: "has no effect", object: service };
    const entries = toObjectStatus({
      ...nothing,
      problems: [
        { ...problem, severity: "warning" },
        { ...problem, severity: "warning" },
      ],
      rejections: [
        {
          object: service,
          kind: "nacked",
          typeUrl: "t",
          resource: "80",
          reason: "bad regex",
          proxies: ["p"],
          proxyCount: 1,
        },
      ],
    });
    expect(entries).toEqual([
      {
        object: "VirtualService shop/a",
        state: "rejected",
        reasons: ["spec.http[0]: has no effect", "80 is rejected by 1 proxies: bad regex"],
      },
    ]);
  });

  it.each([
    ["warning", "warning"],
    ["error", "rejected"],
  ] as const)("takes a problem of severity %s as %s", (severity, state) => {
    const problems = [{ severity, code: "c", path: "", message: "m" }];
    expect(toObjectStatus({ ...nothing, problems })).toEqual([{ object: "", state, reasons: ["m"] }]);
  });

  it.each([
    [[condition("Accepted", "True"), condition("ResolvedRefs", "True")], "ok", []],
    [[condition("Accepted", "False")], "rejected", ["Accepted=False: Because: so"]],
    [[condition("Conflicted", "True")], "rejected", ["Conflicted=True: Because: so"]],
    [[condition("Conflicted", "False")], "ok", []],
  ])("reads the conditions %j of a status", (conditions, state, reasons) => {
    const status = { parents: [{ conditions }] };
    expect(toObjectStatus({ ...nothing, statuses: [{ object: route, status }] })).toEqual([
      { object: "HTTPRoute shop/web", state, reasons, status },
    ]);
  });
});
