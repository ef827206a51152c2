import { existsSync } from "node:fs";
import { join } from "node:path";
import { firstFreePort, pilotPorts } from "./addresses.ts";
import { adminGet } from "./admin-client.ts";
import { agentPorts, agentProcess, type DataPlane } from "./agent-process.ts";
import { appProcess, isAppReady } from "./app-process.ts";
import { LocalMeshError } from "./errors.ts";
import { createHttpClient } from "./http-client.ts";
import { readLocalSettings, type TrafficRequest } from "./local-settings.ts";
import { describeLog } from "./log-tail.ts";
import { readManifests } from "./manifests.ts";
import { buildMeshObjects, type PlacedGateway, type PlacedWorkload } from "./mesh-objects.ts";
import { type LocalPilot, type LocalPilotOptions, startLocalPilot } from "./pilot.ts";
import { appHost, placeWorkloads } from "./place-workloads.ts";
import { createProcesses, type Processes, type RunningProcess } from "./processes.ts";
import { createRunFolder } from "./run-folder.ts";
import { removeMeshState, writeMeshState } from "./state-file.ts";
import { TimeoutError, until } from "./until.ts";
import { planWorkloads } from "./workloads.ts";

/** Settings of {@link startLocalMesh}. */
export interface LocalMeshOptions {
  /** Folder with the Kubernetes objects of what is to run, and `local.yaml`. */
  readonly folder: string;
  /** Folder with the mesh configuration; watched. */
  readonly config: string;
  /** Port of 127.0.0.1 where the ingress gateway answers, or the first free one after it. */
  readonly port: number;
  readonly dataPlane: DataPlane;
  /** Entry file of pilot-agent. */
  readonly agentMain: string;
  /** Folder for the state file, logs and sockets; see `stateFolder`. */
  readonly stateFolder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told what has been done, a line each. */
  readonly report: (line: string) => void;
  readonly translate: LocalPilotOptions["translate"];
  readonly onProblems: LocalPilotOptions["onProblems"];
  /** Ends the start where it is aborted. */
  readonly signal?: AbortSignal;
}

/** An app (none for the gateway) and the agent with its proxy beside it. */
export interface RunningWorkload {
  readonly placed: PlacedWorkload | PlacedGateway;
  readonly apps: readonly RunningProcess[];
  readonly agent: RunningProcess;
  /** `host:port` of its proxy's admin API. */
  readonly admin: string;
}

/** A mesh that runs. */
export interface LocalMesh {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Path of a page worth opening. */
  readonly openPath: string;
  readonly config: string;
  /** The gateway is the last one. */
  readonly workloads: readonly RunningWorkload[];
  readonly pilot: LocalPilot;
  readonly processes: Processes;
  readonly traffic: readonly TrafficRequest[];
  readonly runFolder: string;
  readonly stateFile: string;
  /** Stops everything and frees every port; idempotent. */
  close(): Promise<void>;
}

/** Most time that everything may take to be ready. */
const readyMs = 60_000;

/**
 * Starts a mesh on this machine: pilot-discovery in this process, every Deployment's pods and the ingress gateway as child processes.
 * Resolves when a request through the gateway is answered.
 *
 * @throws LocalMeshError where something of it cannot run, after stopping the rest.
 */
export async function startLocalMesh(options: LocalMeshOptions): Promise<LocalMesh> {
  const { folder, report, env, signal } = options;
  const settings = readLocalSettings(folder);
  const manifests = readManifests(folder);
  const planned = planWorkloads(manifests, settings.images);
  if (planned.length === 0)
    throw new LocalMeshError("no-workloads", `${folder} holds no Deployment: nothing to run`);
  const httpPort = await firstFreePort(appHost, options.port);
  if (httpPort !== options.port)
    report(`port ${options.port} is taken; the ingress gateway takes ${httpPort}`);
  const { addresses, workloads, gateway } = await placeWorkloads(planned, httpPort);
  if (addresses.subnet > 0) {
    report(
      `something listens on ports of 127.1.0.1 (another mesh?); this one takes 127.1.${addresses.subnet}.0/24`,
    );
  }
  const run = createRunFolder(options.stateFolder, new Date(), process.pid);
  run.writeObjects(buildMeshObjects({ manifests, workloads, gateway }));
  report(`${workloads.length} pods of ${folder}; files and logs in ${run.path}`);

  const closers: (() => Promise<unknown> | unknown)[] = [];
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      for (const closer of closers.reverse()) await closer();
    })();
    return closing;
  };
  try {
    // With it, Node programs start in half the time and with 20 MB less.
    const compileCache = join(options.stateFolder, "compile-cache");
    const cold = !existsSync(compileCache);
    const processes = createProcesses({
      logFolder: run.logs,
      env: { WEFT_RUN: run.path, NODE_COMPILE_CACHE: compileCache },
    });
    const pilot = startLocalPilot({
      address: addresses.controlPlane,
      ports: pilotPorts,
      objects: run.objects,
      config: options.config,
      logFile: `${run.logs}/pilot-discovery.log`,
      translate: options.translate,
      onProblems: options.onProblems,
    });
    // Closed in reverse order: apps and proxies first, while pilot still answers them.
    closers.push(
      async () => (await pilot).close(),
      () => processes.close(),
    );
    const startAgent = (placed: PlacedWorkload | PlacedGateway) =>
      processes.start(
        agentProcess(placed, run.proxy(placed.podIp), {
          main: options.agentMain,
          dataPlane: options.dataPlane,
          discoveryAddress: `${addresses.controlPlane}:${pilotPorts.grpc}`,
          env,
        }),
      );
    const runningPilot = await pilot;
    report(
      `pilot-discovery serves xDS on ${addresses.controlPlane}:${pilotPorts.grpc}, its pages on http://${runningPilot.http}`,
    );
    const startApps = (placed: PlacedWorkload) =>
      placed.containers.map((container) => processes.start(appProcess(placed, container, env)));
    const start = (
      placed: PlacedWorkload | PlacedGateway,
      apps: readonly RunningProcess[],
    ): RunningWorkload => ({
      placed,
      apps,
      agent: startAgent(placed),
      admin: `${placed.podIp}:${agentPorts.admin}`,
    });
    const apps = workloads.map(startApps);
    const runningGateway = start(gateway, []);
    // The first time, one agent and proxy compile for all: fourteen that each do it at once take longer.
    if (cold) await proxyReady(runningGateway, signal);
    const running = [...workloads.map((placed, index) => start(placed, apps[index] ?? [])), runningGateway];
    const stateFile = writeMeshState(options.stateFolder, {
      pid: process.pid,
      pilot: { http: runningPilot.http, grpc: runningPilot.grpc },
      proxies: running.map(({ placed, admin }) => ({ name: `${placed.name}.${placed.namespace}`, admin })),
      url: `http://${appHost}:${httpPort}`,
      runFolder: run.path,
      startedAt: new Date().toISOString(),
    });
    closers.push(() => removeMeshState(stateFile, process.pid));
    processes.removeAtEnd(stateFile);

    await Promise.all(
      running.flatMap(({ placed, apps }) =>
        "containers" in placed
          ? placed.containers.map((container, index) =>
              appReady(placed, container, apps[index] as RunningProcess, signal),
            )
          : [],
      ),
    );
    report(`${running.flatMap(({ apps }) => apps).length} apps answer`);
    await Promise.all(running.map((workload) => proxyReady(workload, signal)));
    report(`${running.length} proxies are ready`);
    const url = `http://${appHost}:${httpPort}`;
    const openPath = settings.traffic[0]?.path ?? "/";
    await ingressReady(url + openPath, signal);
    report(`the first request went through: ${url}${openPath}`);
    return {
      url,
      openPath,
      config: options.config,
      workloads: running,
      pilot: runningPilot,
      processes,
      traffic: settings.traffic,
      runFolder: run.path,
      stateFile,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function appReady(
  placed: PlacedWorkload,
  container: PlacedWorkload["containers"][number],
  app: RunningProcess,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ready = waitFor(`${app.name} to answer`, app, () => isAppReady(placed, container), signal);
  const failed = app.failed.then((cause) => {
    throw new LocalMeshError("app-failed", `${app.name} cannot be started: ${cause.message}`, { cause });
  });
  await Promise.race([ready, failed]);
}

function proxyReady({ placed, agent }: RunningWorkload, signal: AbortSignal | undefined): Promise<void> {
  const health = `${placed.podIp}:${agentPorts.health}`;
  return waitFor(
    `${agent.name} to be ready`,
    agent,
    () => adminGet(health, "/healthz/ready").then(() => true),
    signal,
  );
}

/** Whether the gateway serves: whatever its answer, it is not the one of a mesh that is still on its way. */
async function ingressReady(url: string, signal: AbortSignal | undefined): Promise<void> {
  const client = createHttpClient(1);
  try {
    let seen = "no answer";
    await until(
      async () => {
        const { status } = await client.get(url);
        seen = String(status);
        return status < 500;
      },
      {
        timeoutMs: 15_000,
        what: () => `an answer of ${url} (the last one was ${seen})`,
        ...(signal && { signal }),
      },
    );
  } finally {
    client.close();
  }
}

async function waitFor(
  what: string,
  process: RunningProcess,
  condition: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await until(condition, { timeoutMs: readyMs, what, everyMs: 50, ...(signal && { signal }) });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new LocalMeshError("not-ready", `${error.message}; ${describeLog(process)}`, { cause: error });
  }
}
