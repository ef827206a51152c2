import { Metadata } from "@grpc/grpc-js";
import { createFakeClock } from "@weft/base";
import type { Authenticator } from "@weft/identity";
import { type Logger, silentLogger } from "@weft/observability";
import { createXdsAuthentication } from "./authenticate.ts";

const identity = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "web" };

/** A call by the listener with TLS. */
function callWith(token: string) {
  const metadata = new Metadata();
  metadata.set("weft-tls", "1");
  metadata.set("authorization", `Bearer ${token}`);
  return { metadata, peer: "127.0.0.1:1", authContext: {} };
}

/** Answers when it is told to. */
function createSlow() {
  const waiting: (() => void)[] = [];
  const authenticator: Authenticator = {
    name: "slow",
    authenticate: async () => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { kind: "caller", identity };
    },
  };
  return { authenticator, waiting };
}

/** Lets everything run that can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("createXdsAuthentication()", () => {
  it("looks at no more than 64 callers at once, and at the others after them", async () => {
    const { authenticator, waiting } = createSlow();
    const clock = createFakeClock(0);
    const options = { authenticators: [authenticator], logger: silentLogger, clock };
    const authenticateCall = createXdsAuthentication(options);
    const calls = Array.from({ length: 70 }, () => authenticateCall(callWith("t")));
    await settle();
    expect(waiting).toHaveLength(64);
    while (waiting.length > 0) {
      for (const answer of waiting.splice(0)) answer();
      await settle();
    }
    const name = "spiffe://cluster.local/ns/default/sa/web";
    expect(new Set(await Promise.all(calls))).toEqual(new Set([name]));
  });

  it("waits for no answer longer than it is told, and tells callers nothing of why", async () => {
    const { authenticator } = createSlow();
    const clock = createFakeClock(0);
    const said: object[] = [];
    const logger = { warn: (details: object) => said.push(details) } as unknown as Logger;
    const options = { authenticators: [authenticator], logger, clock, timeoutMs: 1_000 };
    const authenticateCall = createXdsAuthentication(options);
    const first = authenticateCall(callWith("t"));
    const second = authenticateCall(callWith("t"));
    await settle();
    clock.advance(1_001);
    await expect(first).rejects.toThrow(/^authentication failure/);
    await expect(second).rejects.toThrow(/^authentication failure/);
    // One line a second, however many are refused.
    expect(said).toEqual([{ peer: "127.0.0.1:1", reasons: ["it took longer than 1000 ms to find out"] }]);
  });

  it("asks nobody who comes in plain text", async () => {
    const authenticateCall = createXdsAuthentication({
      authenticators: [],
      logger: silentLogger,
      clock: createFakeClock(0),
    });
    await expect(
      authenticateCall({ metadata: new Metadata(), peer: "127.0.0.1:1", authContext: {} }),
    ).resolves.toBeUndefined();
  });
});
