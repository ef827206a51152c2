import { HttpCallError, httpCall } from "@weft/agent";

/** Flags of `pilot-agent wait`. */
export interface WaitFlags {
  readonly url: string;
  readonly timeoutSeconds: number;
  readonly requestTimeoutMillis: number;
  readonly periodMillis: number;
}

/** `pilot-agent wait`: asks until the answer is 200. Throws when the time is up, with the last reason. */
export async function waitForProxy(flags: WaitFlags): Promise<void> {
  const url = new URL(flags.url);
  const deadline = performance.now() + flags.timeoutSeconds * 1000;
  const call = {
    host: url.hostname,
    port: Number(url.port || 80),
    path: `${url.pathname}${url.search}`,
    timeoutMs: flags.requestTimeoutMillis,
    maxBytes: 1 << 20,
  };
  let reason = "it was not asked";
  while (performance.now() < deadline) {
    try {
      const { status, body } = await httpCall(call);
      if (status === 200) return;
      reason = `${status} ${body.toString().trim()}`;
    } catch (error) {
      if (!(error instanceof HttpCallError)) throw error;
      reason = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, flags.periodMillis));
  }
  throw new Error(`the proxy was not ready within ${flags.timeoutSeconds} s: ${reason}`);
}
