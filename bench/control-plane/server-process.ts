import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { FromServer, ToServer, Usage } from "./messages.ts";
import type { KubernetesObject } from "./objects.ts";
import type { Scenario } from "./scenarios.ts";

/** As the first line of apps/pilot-discovery/src/main.ts has them. */
const nodeFlags = ["--max-semi-space-size=8"];

/** The server of a scenario, in its own process. */
export class Server {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #metrics: string;

  private constructor(child: ChildProcess, { port, metrics }: FromServer & { readonly kind: "ready" }) {
    this.#child = child;
    this.port = port;
    this.#metrics = metrics;
    this.pid = child.pid ?? 0;
  }

  /** Starts it, and waits until it has read the whole configuration. */
  static async start({ name }: Scenario): Promise<Server> {
    const child = fork(new URL("server.ts", import.meta.url), [name], { execArgv: [...nodeFlags] });
    const [ready] = (await Promise.race([
      once(child, "message"),
      once(child, "exit").then(() => Promise.reject(new Error("the server did not start"))),
    ])) as [FromServer];
    if (ready.kind !== "ready") throw new Error("the server said something before it was ready");
    return new Server(child, ready);
  }

  change(object: KubernetesObject): void {
    this.#child.send({ kind: "change", object } satisfies ToServer);
  }

  async usage(): Promise<Usage> {
    this.#child.send({ kind: "usage" } satisfies ToServer);
    const [answer] = (await once(this.#child, "message")) as [FromServer];
    if (answer.kind !== "usage")
      throw new Error("the server was asked for its usage, and said something else");
    return answer.usage;
  }

  /** Bytes of all responses so far, as its metrics tell. */
  async sentBytes(): Promise<number> {
    const text = await (await fetch(this.#metrics)).text();
    const sums = text.matchAll(/^pilot_xds_config_size_bytes_sum\S* (\S+)/gm);
    return [...sums].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }

  stop(): void {
    this.#child.kill("SIGKILL"); // it holds nothing that matters
  }
}
