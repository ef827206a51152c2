import { HttpCallError } from "../http-client.ts";
import { checkReadiness, missingConfig, parseStats } from "./readiness.ts";

const good = { "cluster_manager.cds.update_success": 1, "listener_manager.lds.update_success": 1 };

describe("missingConfig()", () => {
  it.each([
    [good, undefined],
    [
      {},
      "config not received from XDS server (is pilot-discovery running?): cds updates: 0 successful, 0 rejected; lds updates: 0 successful, 0 rejected",
    ],
    [
      { "cluster_manager.cds.update_success": 1, "listener_manager.lds.update_rejected": 2 },
      "config received from XDS server, but was rejected: cds updates: 1 successful, 0 rejected; lds updates: 0 successful, 2 rejected",
    ],
  ])("finds in %j: %s", (stats, missing) => {
    expect(missingConfig(new Map(Object.entries(stats)))).toBe(missing);
  });
});

describe("parseStats()", () => {
  it("takes the numbers", () => {
    expect(parseStats("a.b: 1\nc: No recorded values\nd;.e: 22\n")).toEqual(
      new Map([
        ["a.b", 1],
        ["d;.e", 22],
      ]),
    );
  });
});

describe("checkReadiness()", () => {
  const text = Object.entries(good).map(([name, value]) => `${name}: ${value}\n`);
  const admin = (ready: { status: number; body: string }) => async (path: string) =>
    path === "/ready"
      ? { status: ready.status, body: Buffer.from(ready.body) }
      : { status: 200, body: Buffer.from(text.join("")) };

  it("is ready with config and a live server", async () => {
    expect(await checkReadiness(admin({ status: 200, body: "LIVE\n" }))).toEqual({ ready: true });
  });

  it("tells the server's state", async () => {
    expect(await checkReadiness(admin({ status: 503, body: "PRE_INITIALIZING\n" }))).toEqual({
      ready: false,
      reason: "server is not live, current state is: PRE_INITIALIZING",
    });
  });

  it("is not ready where the proxy does not answer", async () => {
    const refused = async () => {
      throw new HttpCallError("GET http://127.0.0.1:15000/stats: refused");
    };
    expect(await checkReadiness(refused)).toEqual({
      ready: false,
      reason: "the proxy does not answer: GET http://127.0.0.1:15000/stats: refused",
    });
  });
});
