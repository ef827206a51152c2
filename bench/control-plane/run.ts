import { type ChildProcess, fork } from "node:child_process";
import type { XdsMode } from "@weft/xds";
import { runAdsload } from "./adsload.ts";
import { type ClientMode, type FromClients, type ToClients, timeNow } from "./messages.ts";
import {
  endpointSlice,
  type KubernetesObject,
  proxiesPerNamespace,
  proxyNamespace,
  service,
  virtualService,
} from "./objects.ts";
import type { Scenario } from "./scenarios.ts";
import { Server } from "./server-process.ts";
import type { Step } from "./step.ts";

/** Nothing has come for so long: all have what they should have. */
const quietMs = 1_000;
const limitMs = 120_000;
const rounds = 5;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The proxies of a scenario, in a process of their own. */
export class Clients {
  readonly #child: ChildProcess;
  readonly #arrivals = new Map<string, number[]>();
  #last: FromClients = { complete: 0, lastAt: 0, marks: [] };

  constructor() {
    this.#child = fork(new URL("clients.ts", import.meta.url));
    this.#child.on("message", (report: FromClients) => {
      this.#last = report;
      for (const [mark, at] of report.marks) {
        const all = this.#arrivals.get(mark);
        if (all) all.push(at);
        else this.#arrivals.set(mark, [at]);
      }
    });
  }

  /** When each proxy that was told of it got a change. */
  arrivals(mark: string): readonly number[] {
    return this.#arrivals.get(mark) ?? [];
  }

  #proxies = 0;

  connect(scenario: Scenario, port: number, mode: ClientMode): void {
    this.#proxies = scenario.proxies;
    const namespaces = Array.from({ length: scenario.proxies }, (_, i) => proxyNamespace(scenario, i));
    this.#child.send({ port, mode, namespaces } satisfies ToClients);
  }

  /** Waits until all have everything, something came after `since`, and then nothing for a while; when the last response came. */
  async quiet(since: number): Promise<number> {
    while (timeNow() - since < limitMs) {
      await sleep(20);
      const { lastAt, complete } = this.#last;
      if (complete >= this.#proxies && lastAt > since && timeNow() - lastAt > quietMs) return lastAt;
    }
    const { complete } = this.#last;
    throw new Error(
      `the proxies did not come to rest within ${limitMs / 1000} s: ${complete} of ${this.#proxies} have all types`,
    );
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Measures one step: from its begin until the proxies are at rest. */
async function measure(
  name: string,
  { server, clients }: { readonly server: Server; readonly clients: Clients },
  begin: () => void,
): Promise<Step> {
  const bytes = await server.sentBytes();
  const before = await server.usage();
  const since = timeNow();
  begin();
  const lastAt = await clients.quiet(since);
  const after = await server.usage();
  return {
    name,
    ms: lastAt - since,
    sentMb: ((await server.sentBytes()) - bytes) / 1e6,
    cpuMs: after.cpuMs - before.cpuMs,
    rssMb: after.rssMb,
    heldMs: after.heldMs,
  };
}

/** Of each figure the median of the rounds, but of the memory and the longest hold the largest. */
function summarize(steps: readonly Step[]): Step {
  const sorted = (pick: (step: Step) => number) => steps.map(pick).sort((a, b) => a - b);
  const median = (pick: (step: Step) => number) => sorted(pick)[Math.floor(steps.length / 2)] ?? Number.NaN;
  return {
    name: steps[0]?.name ?? "",
    ms: median(({ ms }) => ms),
    sentMb: median(({ sentMb }) => sentMb),
    cpuMs: median(({ cpuMs }) => cpuMs),
    rssMb: Math.max(...steps.map(({ rssMb }) => rssMb)),
    heldMs: Math.max(...steps.map(({ heldMs }) => heldMs)),
  };
}

const steadySeconds = 60;

/** 20 changes of endpoints and one of a route in each second: for each the time until the last proxy that imports it had it. */
async function runSteady(
  scenario: Scenario,
  { server, clients }: { readonly server: Server; readonly clients: Clients },
): Promise<readonly Step[]> {
  const { sidecarScope = 0, services, proxies, everyNthRule } = scenario;
  const imported = Math.min(services, sidecarScope * Math.ceil(proxies / proxiesPerNamespace));
  const sent = new Map<string, number>();
  const before = await server.usage();
  const bytes = await server.sentBytes();
  const begin = timeNow();
  for (let n = 0; n < steadySeconds * 20; n++) {
    const address = `10.241.${n >> 8}.${n & 255}`;
    sent.set(address, timeNow());
    server.change(endpointSlice(scenario, (n * 7) % imported, address));
    if (n % 20 === 0) {
      const mark = `round-${1000 + n}`;
      sent.set(mark, timeNow());
      server.change(virtualService(((n / 20) * everyNthRule) % imported, mark));
    }
    await sleep(Math.max(0, begin + (n + 1) * 50 - timeNow()));
  }
  await sleep(1_000);
  const after = await server.usage();
  const lasts = [...sent].map(([mark, at]) => Math.max(...clients.arrivals(mark)) - at).sort((a, b) => a - b);
  if (!lasts.every(Number.isFinite)) throw new Error("a change came to no proxy");
  const cost = {
    sentMb: ((await server.sentBytes()) - bytes) / 1e6,
    cpuMs: after.cpuMs - before.cpuMs,
    rssMb: after.rssMb,
    heldMs: after.heldMs,
  };
  const at = (share: number) => lasts[Math.floor((lasts.length - 1) * share)] ?? Number.NaN;
  const what = `${steadySeconds} s of 20 endpoints/s and 1 route/s`;
  return [
    { name: `${what}, p50`, ms: at(0.5), ...cost },
    { name: `${what}, p99`, ms: at(0.99), ...cost },
  ];
}

/** Connects all proxies of a scenario to a fresh server, and again; then changes things. */
export async function runScenario(scenario: Scenario, mode: ClientMode): Promise<readonly Step[]> {
  const server = await Server.start(scenario);
  let clients = new Clients();
  const connect = (name: string) => {
    return measure(name, { server, clients }, () => clients.connect(scenario, server.port, mode));
  };
  try {
    const cold = await connect("connect, cold");
    clients.stop();
    await sleep(500);
    clients = new Clients();
    const warm = await connect("connect, warm");
    const change = async (name: string, object: (round: number) => KubernetesObject) => {
      const steps: Step[] = [];
      for (let round = 0; round < rounds; round++)
        steps.push(await measure(name, { server, clients }, () => server.change(object(round))));
      return summarize(steps);
    };
    const steps = [
      cold,
      warm,
      await change("VirtualService", (round) => virtualService(0, `round-${round}`)),
      await change("EndpointSlice", (round) => endpointSlice(scenario, 0, `10.240.0.${round}`)),
    ];
    // A Sidecar imports the services it names: a new one changes nothing for anybody.
    if (scenario.sidecarScope === undefined)
      steps.push(await change("new service", (round) => service(scenario, scenario.services + round)));
    else steps.push(...(await runSteady(scenario, { server, clients })));
    return steps;
  } finally {
    clients.stop();
    server.stop();
  }
}

/** The same steps with the Go client. */
export async function runWithAdsload(
  scenario: Scenario,
  { mode, file }: { readonly mode: XdsMode; readonly file: string },
): Promise<readonly Step[]> {
  const server = await Server.start(scenario);
  const { proxies } = scenario;
  const change = async (name: string, watch: string, object: (round: number) => KubernetesObject) => {
    const make = (round: number) => server.change(object(round));
    return runAdsload({
      file,
      mode,
      proxies,
      server,
      connect: "connect, warm",
      change: { name, watch, make },
    });
  };
  try {
    const cold = await runAdsload({ file, mode, proxies, server, connect: "connect, cold" });
    const route = await change("VirtualService", "RDS", (round) => virtualService(0, `round-${round}`));
    const endpoints = await change("EndpointSlice", "EDS", (round) =>
      endpointSlice(scenario, 0, `10.240.0.${round}`),
    );
    const added = await change("new service", "RDS", (round) => service(scenario, scenario.services + round));
    const warm = [route, endpoints, added].flatMap(([first]) => first ?? []);
    return [...cold, summarize(warm), ...[route, endpoints, added].flatMap(([, second]) => second ?? [])];
  } finally {
    server.stop();
  }
}
