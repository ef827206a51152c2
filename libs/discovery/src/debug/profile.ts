import { Session } from "node:inspector/promises";
import { setTimeout } from "node:timers/promises";

/** One profile at a time: two would measure each other. */
let taking = false;

async function take(
  seconds: number,
  {
    start,
    stop,
  }: {
    readonly start: (session: Session) => Promise<unknown>;
    readonly stop: (session: Session) => Promise<object>;
  },
): Promise<object> {
  if (taking) return { busy: true };
  taking = true;
  const session = new Session();
  try {
    session.connect();
    await start(session);
    await setTimeout(seconds * 1000);
    return await stop(session);
  } finally {
    session.disconnect();
    taking = false;
  }
}

/** A CPU profile (`.cpuprofile`) of the next seconds; `busy` where another one is being taken. */
export function profileCpu(seconds: number): Promise<object> {
  return take(seconds, {
    start: async (session) => {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
    },
    stop: async (session) => (await session.post("Profiler.stop")).profile,
  });
}

/**
 * What is allocated in the next seconds, by where in the code (`.heapprofile`). It names functions and sizes: the contents of memory,
 * which a heap snapshot would tell, has keys in it.
 */
export function sampleAllocations(seconds: number): Promise<object> {
  return take(seconds, {
    start: (session) => session.post("HeapProfiler.startSampling", { samplingInterval: 32_768 }),
    stop: async (session) => (await session.post("HeapProfiler.stopSampling")).profile,
  });
}
