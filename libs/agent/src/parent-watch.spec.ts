import { createFakeClock } from "@weft/base";
import { watchParent } from "./parent-watch.ts";

describe("watchParent()", () => {
  const create = (connected: boolean) => {
    const clock = createFakeClock();
    const channel: (() => void)[] = [];
    const process = {
      ppid: 10,
      connected,
      once: (_: "disconnect", listener: () => void) => channel.push(listener),
    };
    let gone = 0;
    const end = watchParent(process, clock, () => gone++);
    return { clock, process, channel, end, gone: () => gone };
  };

  it("tells once that the process has another parent", () => {
    const { clock, process, gone } = create(false);
    clock.advance(5000);
    expect(gone()).toBe(0);
    process.ppid = 1;
    clock.advance(1000);
    clock.advance(5000);
    expect(gone()).toBe(1);
  });

  it("tells at once that the channel is closed, and no more", () => {
    const { clock, process, channel, gone } = create(true);
    for (const listener of channel) listener();
    process.ppid = 1;
    clock.advance(5000);
    expect(gone()).toBe(1);
  });

  it("ends", () => {
    const { clock, process, channel, end, gone } = create(true);
    end();
    for (const listener of channel) listener();
    process.ppid = 1;
    clock.advance(5000);
    expect(gone()).toBe(0);
  });
});
