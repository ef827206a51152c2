import { createFakeClock } from "@weft/base";
import { waitForZeroConnections } from "./drain.ts";
import { HttpCallError } from "./http-client.ts";

const turn = () => new Promise(setImmediate);

describe("waitForZeroConnections()", () => {
  const create = (answers: readonly (string | Error)[]) => {
    const clock = createFakeClock();
    let asked = 0;
    let done = false;
    let stop = () => {};
    const early = new Promise<void>((resolve) => {
      stop = resolve;
    });
    void waitForZeroConnections({
      admin: async () => {
        const answer = answers[Math.min(asked++, answers.length - 1)] ?? "";
        if (answer instanceof Error) throw answer;
        return { status: 200, body: Buffer.from(answer) };
      },
      clock,
      minimumMs: 5000,
      ownPorts: [15021, 15090],
      early,
    }).then(() => {
      done = true;
    });
    const advance = async (ms: number) => {
      clock.advance(ms);
      await turn();
      return { asked, done };
    };
    return { advance, stop };
  };
  const busy = `listener.0.0.0.0_9080.downstream_cx_active: 1
listener.0.0.0.0_9080.worker_0.downstream_cx_active: 1
listener.127.0.0.1_15021.downstream_cx_active: 1
listener.admin.downstream_cx_active: 1
http.inbound_0.0.0.0_9080;.downstream_cx_active: 1
`;
  const idle = busy.replaceAll("9080.downstream_cx_active: 1", "9080.downstream_cx_active: 0");

  it("waits the least time, then until only the proxy's own connections are left", async () => {
    const { advance } = create([busy, busy, idle]);
    expect(await advance(4999)).toEqual({ asked: 0, done: false });
    expect(await advance(1)).toEqual({ asked: 1, done: false });
    expect(await advance(1000)).toEqual({ asked: 2, done: false });
    expect(await advance(1000)).toEqual({ asked: 3, done: true });
  });

  it("ends where the proxy does not answer, and where the proxy has ended", async () => {
    const silent = create([new HttpCallError("refused")]);
    expect(await silent.advance(5000)).toEqual({ asked: 1, done: true });
    const ended = create([busy]);
    ended.stop();
    await turn();
    expect(await ended.advance(0)).toEqual({ asked: 0, done: true });
  });

  it("has an end", async () => {
    const { advance } = create([busy]);
    let state = await advance(5000);
    for (let second = 0; second < 3600 && !state.done; second++) state = await advance(1000);
    expect(state.done).toBe(true);
  });
});
