import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { startChild } from "@weft/testkit";
import { type createCleanup, loopback, startProxy, until } from "../../testing.ts";

/** For tests: one of the two. */
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

/** For tests: listeners, each at a free port of the loopback, and clusters. */
export interface PairResources {
  readonly listeners: readonly JsonValue[];
  readonly clusters: readonly JsonValue[];
}

/** For tests: starts both with what `resources` makes for an access log. */
export async function startPair(
  envoyBinary: string,
  resources: (logPath: string) => PairResources,
  cleanup: ReturnType<typeof createCleanup>,
): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), "weft-pair-"));
  cleanup.add(() => rm(folder, { recursive: true }));
  const logPath = (name: string) => join(folder, `${name}.log`);
  const bootstrap = (name: string) =>
    ({ admin: { address: loopback(0) }, static_resources: resources(logPath(name)) }) as unknown as JsonValue;
  const file = join(folder, "envoy.json");
  const adminFile = join(folder, "admin");
  await writeFile(file, JSON.stringify(bootstrap("envoy")));
  const child = await startChild(envoyBinary, {
    args: `-c ${file} --concurrency 1 --disable-hot-restart --use-dynamic-base-id --file-flush-interval-msec 10 --admin-address-path ${adminFile}`.split(
      " ",
    ),
    ready: /starting main dispatch loop/,
  });
  cleanup.add(() => child.stop());
  const proxy = await startProxy(bootstrap("weft"), cleanup);
  await until(() => proxy.state === "LIVE", "LIVE");
  const admins = {
    envoy: `http://${await readFile(adminFile, "utf8")}`,
    weft: `http://127.0.0.1:${proxy.adminAddress?.port}`,
  };
  const names = (resources("").listeners as readonly { readonly name: string }[]).map(({ name }) => name);
  const side = async (name: "envoy" | "weft"): Promise<Side> => {
    const ports = await listenerPorts(admins[name]);
    return { port: (index) => ports.get(names[index] ?? "") ?? 0, logPath: logPath(name) };
  };
  const stats = async (name: "envoy" | "weft", filter: RegExp) => {
    const text = await (await fetch(`${admins[name]}/stats`)).text();
    const lines = text.split("\n").map((line) => line.split(": ") as [string, string]);
    return Object.fromEntries(lines.filter(([key]) => filter.test(key)));
  };
  return {
    envoy: await side("envoy"),
    weft: await side("weft"),
    stats: async (filter) => ({ envoy: await stats("envoy", filter), weft: await stats("weft", filter) }),
  };
}

/** Ports of listeners by name, as the admin API tells them. */
async function listenerPorts(admin: string): Promise<ReadonlyMap<string, number>> {
  const answer = (await (await fetch(`${admin}/listeners?format=json`)).json()) as {
    readonly listener_statuses: readonly {
      readonly name: string;
      readonly local_address: { readonly socket_address: { readonly port_value: number } };
    }[];
  };
  return new Map(
    answer.listener_statuses.map(({ name, local_address }) => [
      name,
      local_address.socket_address.port_value,
    ]),
  );
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
