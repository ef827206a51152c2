import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem } from "@weft/base";
import { parse, parseDocument } from "yaml";
import { type CheckedMesh, checks, securityChecks } from "./index.ts";
import { runChecks } from "./run-checks.ts";

/** What is wrong with the stand-in mesh; each makes one check fail. */
interface Faults {
  readonly page?: string;
  readonly ignoresHeaders?: boolean;
  readonly weightOfV1?: number;
  readonly failsAtChange?: boolean;
  readonly restartsProxyAtChange?: boolean;
  readonly changesAfterMs?: number;
  readonly obeysBrokenFiles?: boolean;
  readonly reportsLine?: number;
  readonly failsWithoutPilot?: boolean;
  readonly restartsProxyAfterMs?: number;
}

interface Route {
  readonly match?: unknown;
  readonly route: readonly { readonly destination: { readonly subset: string }; readonly weight: number }[];
}

const pageText = "The Comedy of Errors, Book details, Book reviews, Reviews served by";
/** A stand-in, for all that is not about identities, and what ends it. */
interface StandIn extends Omit<CheckedMesh, "workloads" | "citadel" | "edges" | "certificates"> {
  close(): Promise<void>;
}

/** A mesh of one HTTP server that routes as the VirtualService in its folder says, and one process that stands for a proxy. */
async function createStandIn(faults: Faults): Promise<StandIn> {
  const configFolder = mkdtempSync(join(tmpdir(), "weft-checks-"));
  const file = join(configFolder, "reviews.yaml");
  let routes: readonly Route[] = [];
  let readAt = 0;
  let problems: Problem[] = [];
  let changes = 0;
  let failing = false;
  let pilot = true;
  let served = 0;
  let proxy: ChildProcess;
  let respawnAt = 0;

  const start = () => {
    proxy = spawn("sleep", ["120"], { stdio: "ignore" });
    const mine = proxy;
    mine.once("exit", () => {
      if (mine !== proxy) return;
      respawnAt = performance.now() + (faults.restartsProxyAfterMs ?? 50);
    });
  };
  const stop = () => {
    proxy.removeAllListeners("exit");
    proxy.kill("SIGKILL");
  };
  const read = () => {
    if (!existsSync(file) || !pilot) return;
    const { mtimeMs } = statSync(file);
    if (mtimeMs === readAt || Date.now() - mtimeMs < (faults.changesAfterMs ?? 0)) return;
    readAt = mtimeMs;
    const text = readFileSync(file, "utf8");
    const [syntax] = parseDocument(text).errors;
    const badWeight = text.split("\n").findIndex((row) => row.includes("weight: lots")) + 1;
    const error = syntax !== undefined || badWeight > 0;
    const line = faults.reportsLine ?? syntax?.linePos?.[0].line ?? badWeight;
    problems = error
      ? [{ severity: "error", code: "broken", path: "", message: "broken", position: { file, line } }]
      : [];
    if (error && faults.obeysBrokenFiles)
      routes = [{ route: [{ destination: { subset: "v1" }, weight: 100 }] }];
    if (error) return;
    routes = (parse(text) as { spec: { http: Route[] } }).spec.http;
    changes++;
    failing = faults.failsAtChange === true;
    if (faults.restartsProxyAtChange && changes > 1) {
      stop();
      start();
    }
  };
  const choose = (endUser: string | undefined): string => {
    const route = routes.find(
      ({ match }) => match === undefined || (endUser === "jason" && !faults.ignoresHeaders),
    );
    // Evenly instead of at random, so that the test never fails by chance.
    const at = served++ % 100;
    const [first, second] = route?.route ?? [];
    const weight = second === undefined ? 100 : (faults.weightOfV1 ?? first?.weight ?? 0);
    return (at < weight ? first : second)?.destination.subset ?? "none";
  };

  start();
  const server: Server = createServer((request, response) => {
    if (performance.now() > respawnAt && proxy.signalCode !== null) start();
    read();
    const broken = failing || (!pilot && faults.failsWithoutPilot);
    failing = false;
    response.writeHead(broken ? 503 : 200);
    if (request.url === "/productpage") return void response.end(faults.page ?? pageText);
    const version = choose(request.headers["end-user"]?.toString());
    response.end(JSON.stringify({ podname: `reviews-${version}-abc-de` }));
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const name = "reviews-v1-abc-de.default";
  const running = () => {
    if (performance.now() > respawnAt && proxy.signalCode !== null) start();
    return proxy.signalCode === null ? proxy.pid : undefined;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    configFolder,
    proxies: async () => [{ name, pid: running() }],
    isReady: async () => running() !== undefined,
    problems: () => {
      read();
      return problems;
    },
    proxyStatus: async () => {
      if (!pilot) throw new Error("pilot-discovery does not answer");
      return [{ name, status: "SYNCED" }];
    },
    slowdown: async () => 1,
    stopPilot: async () => {
      pilot = false;
    },
    startPilot: async () => {
      pilot = true;
    },
    close: async () => {
      stop();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(configFolder, { recursive: true, force: true });
    },
  };
}

async function run(name: string, faults: Faults) {
  const [check] = checks.filter((candidate) => candidate.name === name);
  if (check === undefined)
    throw new Error(`no check ${name}; there is ${checks.map((known) => known.name).join(", ")}`);
  const mesh = await createStandIn(faults);
  writeFileSync(
    join(mesh.configFolder, "reviews.yaml"),
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n" +
      "spec: {http: [{match: [], route: [{destination: {subset: v2}, weight: 100}]}, {route: [{destination: {subset: v2}, weight: 100}]}]}\n",
  );
  mesh.problems(); // reads the file
  try {
    const [row] = await runChecks([check], mesh as StandIn & CheckedMesh, () => {}); // no more is asked of it
    return row;
  } finally {
    await mesh.close();
  }
}

describe("checks", () => {
  it.concurrent.each(checks.filter((check) => !securityChecks.includes(check)).map(({ name }) => name))(
    "%s: holds of a mesh that does as it must",
    async (name) => {
      expect(await run(name, {})).toMatchObject({ ok: true });
    },
    20_000,
  );

  it.concurrent.each<[string, Faults]>([
    ["the page through the ingress", { page: "Error fetching product reviews!" }],
    ["end-user: jason goes to reviews v2", { ignoresHeaders: true }],
    ["weights 90/10 of reviews v1/v3", { weightOfV1: 80 }],
    ["a changed VirtualService under load", { failsAtChange: true }],
    ["a changed VirtualService under load", { restartsProxyAtChange: true }],
    ["a changed VirtualService under load", { changesAfterMs: 1_500 }],
    ["a broken file", { obeysBrokenFiles: true }],
    ["a broken file", { reportsLine: 1 }],
    ["pilot-discovery stopped and started", { failsWithoutPilot: true }],
    ["a killed proxy", { restartsProxyAfterMs: 2_500 }],
  ])(
    "%s: fails of a mesh with %j",
    async (name, faults) => {
      expect(await run(name, faults)).toMatchObject({ ok: false });
    },
    20_000,
  );

  it("goes on after a check that cannot be carried out", async () => {
    const mesh = await createStandIn({});
    const broken = { name: "broken", run: () => Promise.reject(new Error("no mesh")) };
    const fine = { name: "fine", run: async () => ({ expected: "", seen: "", ok: true }) };
    expect(await runChecks([broken, fine], mesh as StandIn & CheckedMesh, () => {})).toMatchObject([
      { name: "broken", ok: false, seen: "no mesh" },
      { name: "fine", ok: true },
    ]);
    await mesh.close();
  });
});
