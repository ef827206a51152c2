import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { freePorts, startChild } from "@weft/testkit";
import { type createCleanup, loopback, startProxy, until } from "../testing.ts";

/** For tests: what a configuration is made for: a proxy's own ports and files. */
export interface Side {
  /** The port of a listener, by its number. */
  readonly port: (index: number) => number;
  /** Where its access log goes. */
  readonly logPath: string;
}

/** For tests: Envoy and Weft's proxy with the same configuration. */
export interface Pair {
  readonly envoy: Side;
  readonly weft: Side;
  /** The statistics of both whose names match, by name. */
  stats(filter: RegExp): Promise<{ envoy: Record<string, string>; weft: Record<string, string> }>;
}

/** For tests: starts both with `count` listeners that `resources` makes. */
export async function startPair(
  envoyBinary: string,
  count: number,
  resources: (side: Side) => {
    readonly listeners: readonly JsonValue[];
    readonly clusters: readonly JsonValue[];
  },
  cleanup: ReturnType<typeof createCleanup>,
): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "weft-pair-"));
  cleanup.add(() => rm(folder, { recursive: true }));
  const free = await freePorts(2 * (count + 1));
  const [envoyAdmin = 0, weftAdmin = 0] = free;
  const side = (name: string, ports: readonly number[]): Side => ({
    port: (index) => ports[index] ?? 0,
    logPath: join(folder, `${name}.log`),
  });
  const envoy = side("envoy", free.slice(2, 2 + count));
  const weft = side("weft", free.slice(2 + count));
  const bootstrap = (admin: number, of: Side) =>
    ({ admin: { address: loopback(admin) }, static_resources: resources(of) }) as unknown as JsonValue;
  const file = join(folder, "envoy.json");
  await writeFile(file, JSON.stringify(bootstrap(envoyAdmin, envoy)));
  const child = await startChild(envoyBinary, {
    args: `-c ${file} --concurrency 1 --disable-hot-restart --use-dynamic-base-id --file-flush-interval-msec 10`.split(
      " ",
    ),
    ready: /starting main dispatch loop/,
  });
  cleanup.add(() => child.stop());
  const proxy = await startProxy(bootstrap(weftAdmin, weft), cleanup);
  await until(() => proxy.state === "LIVE", "LIVE");
  const stats = async (port: number, filter: RegExp) => {
    const text = await (await fetch(`http://127.0.0.1:${port}/stats`)).text();
    const lines = text.split("\n").map((line) => line.split(": ") as [string, string]);
    return Object.fromEntries(lines.filter(([name]) => filter.test(name)));
  };
  return {
    envoy,
    weft,
    stats: async (filter) => ({
      envoy: await stats(envoyAdmin, filter),
      weft: await stats(weftAdmin, filter),
    }),
  };
}

/** For tests: an answer as it came. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** For tests: sends bytes as they are, and reads to the end of the answer or of the connection. Status 0: no answer. */
export function sendRaw(port: number, text: string, from = "127.0.0.1"): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: from }, () =>
      socket.write(text, "latin1"),
    );
    let received = "";
    socket.setTimeout(3000, () => socket.destroy());
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const answer = parseAnswer(received);
      if (answer.body.length >= Number(answer.headers["content-length"] ?? Number.POSITIVE_INFINITY))
        socket.destroy();
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => resolve(parseAnswer(received)));
  });
}

/** For tests: takes the text of an answer apart. */
export function parseAnswer(received: string): Answer {
  const [head = "", ...rest] = received.split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(statusLine.split(" ")[1] ?? 0), headers, body: rest.join("\r\n\r\n") };
}

/** For tests: a request that asks for the end of the connection after it. */
export function request(method: string, path: string, headers: readonly string[] = [], body = ""): string {
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : ["host: a.example"];
  const length = body === "" ? [] : [`content-length: ${body.length}`];
  return [`${method} ${path} HTTP/1.1`, ...host, ...headers, ...length, "connection: close", "", body].join(
    "\r\n",
  );
}

/** For tests: lines of an access log whose first word is the case they are of, once all are there. */
export async function logLines(side: Side, count: number): Promise<Map<string, string>> {
  const deadline = performance.now() + 4000;
  for (;;) {
    const text = await readFile(side.logPath, "utf8").catch(() => "");
    const lines = text.split("\n").filter((line) => line !== "");
    if (lines.length >= count || performance.now() > deadline)
      return new Map(lines.map((line) => [line.slice(0, line.indexOf(" ")), line]));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
