import { existsSync } from "node:fs";
import { type AgentOptions, agentPorts, agentProcess } from "./agent-process.ts";
import { appProcess } from "./app-process.ts";
import type { PlacedGateway, PlacedWorkload } from "./mesh-objects.ts";
import type { Placement } from "./place-workloads.ts";
import type { Processes, RunningProcess } from "./processes.ts";
import { appReady, proxyReady } from "./readiness.ts";
import type { RunFolder } from "./run-folder.ts";

/** The process that stands for a container. */
export interface RunningApp {
  readonly process: RunningProcess;
  /** Rejects with the end of its log where it does not answer in time. */
  ready(signal: AbortSignal | undefined): Promise<void>;
}

/** A pod's apps (none for the gateway) and the agent with its proxy beside them. */
export interface RunningWorkload {
  readonly placed: PlacedWorkload | PlacedGateway;
  readonly apps: readonly RunningApp[];
  readonly agent: RunningProcess;
  /** `host:port` of its proxy's admin API. */
  readonly admin: string;
}

/** Settings of {@link startWorkloads}. */
export interface StartWorkloadsOptions {
  readonly placement: Placement;
  readonly processes: Processes;
  readonly run: RunFolder;
  readonly agent: AgentOptions;
  /** Where Node keeps compiled code; where it is not there yet, nothing has been compiled before. */
  readonly compileCache: string;
  readonly signal: AbortSignal | undefined;
}

/** Starts every app and every agent, which starts its proxy; the gateway is the last of the result. */
export async function startWorkloads(options: StartWorkloadsOptions): Promise<RunningWorkload[]> {
  const { placement, processes, run, agent, compileCache, signal } = options;
  const cold = !existsSync(compileCache);
  const start = (placed: PlacedWorkload | PlacedGateway, apps: readonly RunningApp[]): RunningWorkload => ({
    placed,
    apps,
    agent: processes.start(agentProcess(placed, run.proxy(placed.podIp), agent)),
    admin: `${placed.podIp}:${agentPorts.admin}`,
  });
  const apps = placement.workloads.map((placed) =>
    placed.containers.map((container): RunningApp => {
      const process = processes.start(appProcess(placed, container, agent.env));
      return { process, ready: (signal) => appReady(placed, container, process, signal) };
    }),
  );
  const gateway = start(placement.gateway, []);
  // The first time, one agent and proxy compile for all: fourteen that each do it at once take longer.
  if (cold) await proxyReady(gateway.placed.podIp, gateway.agent, signal);
  return [...placement.workloads.map((placed, index) => start(placed, apps[index] ?? [])), gateway];
}

/** Waits until every app answers; how many there are. */
export async function appsReady(
  workloads: readonly RunningWorkload[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const apps = workloads.flatMap((workload) => workload.apps);
  await Promise.all(apps.map((app) => app.ready(signal)));
  return apps.length;
}

/** Waits until every proxy is configured; how many there are. */
export async function proxiesReady(
  workloads: readonly RunningWorkload[],
  signal: AbortSignal | undefined,
): Promise<number> {
  await Promise.all(workloads.map(({ placed, agent }) => proxyReady(placed.podIp, agent, signal)));
  return workloads.length;
}
