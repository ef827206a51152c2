import { join } from "node:path";
import type { DataPlane } from "./agent-process.ts";
import { type LocalCitadel, startLocalCitadel } from "./citadel.ts";
import { LocalMeshError } from "./errors.ts";
import { type LocalSettings, readLocalSettings, type TrafficRequest } from "./local-settings.ts";
import { readManifests } from "./manifests.ts";
import { buildMeshObjects } from "./mesh-objects.ts";
import { type LocalPilot, type LocalPilotOptions, startLocalPilot } from "./pilot.ts";
import { appHost, type Placement, placeWorkloads } from "./place-workloads.ts";
import { createProcesses, type Processes } from "./processes.ts";
import { ingressReady } from "./readiness.ts";
import { createRunFolder, type RunFolder } from "./run-folder.ts";
import { appsReady, proxiesReady, type RunningWorkload, startWorkloads } from "./start-workloads.ts";
import { removeMeshState, writeMeshState } from "./state-file.ts";
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
  /** Life of workloads' certificates, milliseconds. */
  readonly certificateTtlMs: number;
  /** Folder for the state file, logs and sockets; see `stateFolder`. */
  readonly stateFolder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Told what has been done, a line each. */
  readonly report: (line: string) => void;
  readonly translate: LocalPilotOptions["translate"];
  readonly onProblems: LocalPilotOptions["onProblems"];
  readonly onChange: LocalPilotOptions["onChange"];
  /** Ends the start where it is aborted. */
  readonly signal?: AbortSignal;
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
  readonly citadel: LocalCitadel;
  readonly processes: Processes;
  readonly traffic: readonly TrafficRequest[];
  readonly runFolder: string;
  readonly stateFile: string;
  /** Stops everything and frees every port; idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a mesh on this machine: pilot-discovery in this process, every Deployment's pods and the ingress gateway as child processes.
 * Resolves when a request through the gateway is answered.
 *
 * @throws LocalMeshError where something of it cannot run, after stopping the rest.
 */
export async function startLocalMesh(options: LocalMeshOptions): Promise<LocalMesh> {
  const { folder, report } = options;
  const settings = readLocalSettings(folder);
  const manifests = readManifests(folder);
  const planned = planWorkloads(manifests, settings.images);
  if (planned.length === 0) {
    throw new LocalMeshError("no-workloads", `${folder} holds no Deployment: nothing to run`);
  }
  const placement = await placeWorkloads(planned, options.port);
  reportPlacement(placement, options);
  const closing = createClosing();
  closing.add(() => placement.addresses.release());
  try {
    const run = createRunFolder(options.stateFolder, new Date(), process.pid);
    run.writeObjects(buildMeshObjects({ manifests, ...placement }));
    report(`${planned.length} pods of ${folder}; files and logs in ${run.path}`);
    return await startParts(options, { settings, placement, run, closing });
  } catch (error) {
    await closing.close();
    throw error;
  }
}

function reportPlacement({ addresses, gateway }: Placement, { port, report }: LocalMeshOptions): void {
  const { subnet } = addresses;
  if (subnet > 0) report(`127.1.0.0/24 has another mesh; this one takes 127.1.${subnet}.0/24`);
  if (gateway.httpPort !== port)
    report(`port ${port} is taken; the ingress gateway takes ${gateway.httpPort}`);
}

interface Prepared {
  readonly settings: LocalSettings;
  readonly placement: Placement;
  readonly run: RunFolder;
  readonly closing: Closing;
}

async function startParts(
  options: LocalMeshOptions,
  { settings, placement, run, closing }: Prepared,
): Promise<LocalMesh> {
  const { report, env, signal } = options;
  // With it, Node programs start in half the time and with 20 MB less.
  const compileCache = join(options.stateFolder, "compile-cache");
  const processes = createProcesses({
    logFolder: run.logs,
    env: { WEFT_RUN: run.path, NODE_COMPILE_CACHE: compileCache },
  });
  const controlPlane = await startControlPlane(options, { placement, run, closing, processes });
  const { pilot, citadel } = controlPlane;
  closing.add(() => processes.close());
  const agent = {
    main: options.agentMain,
    dataPlane: options.dataPlane,
    discoveryAddress: pilot.secureGrpc,
    citadel,
    env,
  };
  const workloads = await startWorkloads({ placement, processes, run, agent, compileCache, signal });

  const url = `http://${appHost}:${placement.gateway.httpPort}`;
  const stateFile = writeMeshState(options.stateFolder, {
    pid: process.pid,
    pilot: { http: pilot.http, grpc: pilot.grpc },
    citadel: { admin: citadel.admin },
    proxies: workloads.map(({ placed, admin }) => ({ name: `${placed.name}.${placed.namespace}`, admin })),
    url,
    runFolder: run.path,
    startedAt: new Date().toISOString(),
  });
  closing.add(() => removeMeshState(stateFile, process.pid));
  processes.removeAtEnd(stateFile);

  report(`${await appsReady(workloads, signal)} apps answer`);
  report(`${await proxiesReady(workloads, signal)} proxies are ready`);
  const { traffic } = settings;
  const openPath = traffic[0]?.path ?? "/";
  await ingressReady(url + openPath, signal);
  report(`the first request went through: ${url}${openPath}`);
  const { config } = options;
  return {
    url,
    openPath,
    config,
    workloads,
    pilot,
    citadel,
    processes,
    traffic,
    runFolder: run.path,
    stateFile,
    close: closing.close,
  };
}

/** Starts citadel and pilot-discovery in this process, and gives each workload its token. */
async function startControlPlane(
  options: LocalMeshOptions,
  { placement, run, closing, processes }: Omit<Prepared, "settings"> & { readonly processes: Processes },
): Promise<{ readonly pilot: LocalPilot; readonly citadel: LocalCitadel }> {
  const { report } = options;
  const { controlPlane: address, ports } = placement.addresses;
  const folder = join(run.path, "citadel");
  // Its keys are of no use once this mesh is gone.
  processes.removeAtEnd(folder);
  const citadel = await startLocalCitadel({
    address,
    ports: ports.citadel,
    folder,
    auditFile: join(run.logs, "audit.log"),
    logFile: join(run.logs, "citadel.log"),
    certificateTtlMs: options.certificateTtlMs,
  });
  closing.add(() => citadel.close());
  report(`citadel signs certificates on ${citadel.grpc}, its administration on http://${citadel.admin}`);
  await citadel.giveTokens([...placement.workloads, placement.gateway]);
  const pilot = await startLocalPilot({
    address,
    ports: ports.pilot,
    channel: await citadel.pilotChannel(),
    bus: citadel.bus,
    objects: run.objects,
    config: options.config,
    logFile: join(run.logs, "pilot-discovery.log"),
    translate: options.translate,
    onProblems: options.onProblems,
    onChange: options.onChange,
  });
  closing.add(() => pilot.close());
  report(`pilot-discovery serves xDS with TLS on ${pilot.secureGrpc}, its pages on http://${pilot.http}`);
  return { pilot, citadel };
}

interface Closing {
  add(close: () => Promise<unknown> | unknown): void;
  close(): Promise<void>;
}

/** Closes what was started last first: apps and proxies while pilot-discovery still answers them. */
function createClosing(): Closing {
  const closers: (() => Promise<unknown> | unknown)[] = [];
  let closing: Promise<void> | undefined;
  return {
    add: (close) => {
      closers.push(close);
    },
    close: () => {
      closing ??= (async () => {
        for (const close of closers.toReversed()) await close();
      })();
      return closing;
    },
  };
}
