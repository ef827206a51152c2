import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { formatObjectRef, formatProblem, type Problem, systemClock } from "@weft/base";
import { checks } from "./checks/index.ts";
import { renderChecks, runChecks } from "./checks/run-checks.ts";
import { describeExamples, describeIdentities, describeMemory, describeWorkloads } from "./describe-mesh.ts";
import { compareEdges, type Edge } from "./edges.ts";
import { LocalMeshError } from "./errors.ts";
import { createLiveView, type LiveView, type Output } from "./live-view.ts";
import { type LocalMesh, type LocalMeshOptions, startLocalMesh } from "./local-mesh.ts";
import { readCertificates, readEdges, readMeshMemory, toCheckedMesh } from "./observe.ts";
import { renderSummary } from "./summary.ts";
import { startTraffic } from "./traffic.ts";

/** Settings of {@link runUp}. */
export interface UpOptions
  extends Pick<
    LocalMeshOptions,
    "folder" | "port" | "translate" | "dataPlane" | "agentMain" | "stateFolder" | "env" | "certificateTtlMs"
  > {
  /** Folder with the mesh configuration; the folder's `istio` unless told, or the folder itself where it has none. */
  readonly config?: string;
  /** Runs the checks, on a copy of the configuration, and ends. */
  readonly check: boolean;
  /** Ends by itself after this time. */
  readonly durationMs?: number;
  /** Sends the trickle of requests that the folder's `local.yaml` names. */
  readonly traffic: boolean;
  /** Prints no live summary. */
  readonly quiet: boolean;
  /** Prints the memory of every process at the end. */
  readonly verbose: boolean;
  readonly cwd: string;
}

const requestsPerSecond = 5;
/** Time between two summaries: on a terminal, and where each is printed below the one before. */
const refreshMs = { terminal: 1_000, lines: 5_000 };

/**
 * Runs a mesh until `signal` aborts, the time is over or the checks are done: the whole of `weftctl up`. Resolves, when nothing of it
 * is left, with the exit code: 0, or 1 where a check was not ok.
 *
 * @throws LocalMeshError where the mesh cannot be started.
 */
export async function runUp(options: UpOptions, out: Output, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const view = createLiveView(out);
  const seconds = () => (performance.now() - started) / 1000;
  const report = (line: string) => view.line(`${seconds().toFixed(1).padStart(6)} s  ${line}`);
  const config = options.config ?? defaultConfig(options.folder);
  if (!existsSync(config)) throw new LocalMeshError("no-such-path", `${config}: there is no such folder`);
  const scratch = options.check ? copyConfig(config) : undefined;
  try {
    const mesh = await startLocalMesh({
      ...options,
      config: scratch ?? config,
      report,
      onProblems: (problems) => reportProblems(problems, options.cwd, report),
      // The checks change one file again and again, and say what came of it.
      onChange: options.check ? () => {} : (object, what) => report(`${formatObjectRef(object)} ${what}`),
      signal,
    });
    try {
      view.line("");
      for (const line of describeWorkloads(mesh)) view.line(line);
      view.line("");
      for (const line of await describeIdentities(mesh)) view.line(line);
      view.line("");
      if (options.check) return await check(mesh, view, report, signal);
      for (const line of describeExamples(mesh, options.folder, options.cwd)) view.line(line);
      view.line("");
      await watch(mesh, options, view, out, signal);
      return 0;
    } finally {
      if (options.verbose || options.check)
        for (const line of ["", ...describeMemory(readMeshMemory(mesh))]) view.line(line);
      await mesh.close();
      report(`stopped; the logs stay in ${mesh.runFolder}/logs`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    report("stopped before everything was ready");
    return options.check ? 1 : 0;
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

function defaultConfig(folder: string): string {
  const istio = join(folder, "istio");
  return existsSync(istio) ? istio : folder;
}

function copyConfig(config: string): string {
  const copy = mkdtempSync(join(tmpdir(), "weft-check-"));
  cpSync(config, copy, { recursive: true });
  return copy;
}

/** The first problem of each file: a broken line breaks those after it, too. */
function reportProblems(problems: readonly Problem[], cwd: string, report: (line: string) => void): void {
  if (problems.length === 0) report("the configuration is sound again");
  for (const [file, all] of Map.groupBy(problems, ({ position }) => position?.file)) {
    const [first] = all;
    if (first === undefined) continue;
    const shown =
      file === undefined
        ? first
        : { ...first, position: { line: 0, ...first.position, file: shortPath(file, cwd) } };
    const more = all.length === 1 ? "" : ` (and ${all.length - 1} more)`;
    const kept = first.severity === "error" ? "; what was in force before stays" : "";
    report(`${first.severity}: ${formatProblem(shown)}${more}${kept}`);
  }
}

/** A path from the current folder, unless it leads out of it. */
function shortPath(file: string, cwd: string): string {
  const path = relative(cwd, file);
  return path.startsWith("..") ? file : path;
}

async function check(
  mesh: LocalMesh,
  view: LiveView,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const rows = await runChecks(
    checks,
    toCheckedMesh(mesh),
    (row) => report(`${row.ok ? "ok" : "NOT OK"}: ${row.name}`),
    signal,
  );
  view.line("");
  for (const line of renderChecks(rows)) view.line(line);
  return rows.length === checks.length && rows.every(({ ok }) => ok) ? 0 : 1;
}

async function watch(
  mesh: LocalMesh,
  options: UpOptions,
  view: LiveView,
  out: Output,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now();
  const deadline = options.durationMs === undefined ? undefined : started + options.durationMs;
  const everyMs = out.isTTY ? refreshMs.terminal : refreshMs.lines;
  const traffic =
    options.traffic && mesh.traffic.length > 0
      ? startTraffic({
          baseUrl: mesh.url,
          requests: mesh.traffic,
          perSecond: requestsPerSecond,
          clock: systemClock,
        })
      : undefined;
  // The edges as they were at the last looks, oldest first; shares are of the time since the first of them.
  const looks: { readonly at: number; readonly edges: readonly Edge[] }[] = [
    { at: started, edges: await readEdges(mesh) },
  ];
  const keptLooks = Math.ceil(10_000 / everyMs);
  const untilAborted = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
  try {
    while (!signal.aborted && (deadline === undefined || performance.now() < deadline)) {
      await untilAborted(Math.min(everyMs, deadline === undefined ? everyMs : deadline - performance.now()));
      if (signal.aborted || options.quiet) continue;
      const edges = await readEdges(mesh);
      const [oldest] = looks;
      const now = performance.now();
      const status = await mesh.pilot.proxyStatus().catch(() => []);
      const head = {
        upSeconds: (now - started) / 1000,
        recentSeconds: (now - (oldest?.at ?? started)) / 1000,
        proxies: mesh.workloads.length,
        synced: status.filter((proxy) => proxy.status === "SYNCED").length,
        certificateSeconds: await secondsLeft(mesh),
      };
      view.block(renderSummary(head, compareEdges(oldest?.edges ?? [], edges)));
      looks.push({ at: now, edges });
      if (looks.length > keptLooks) looks.shift();
    }
  } finally {
    traffic?.close();
    view.settle();
  }
}

/** Until the first of the workloads' certificates ends. */
async function secondsLeft(mesh: LocalMesh): Promise<number | undefined> {
  const ends = (await readCertificates(mesh)).flatMap((certificate) => certificate?.notAfter ?? []);
  return ends.length === 0 ? undefined : (Math.min(...ends) - Date.now()) / 1000;
}
