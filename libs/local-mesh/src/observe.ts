import { adminGet, readClusterCounters, readHostCounters } from "./admin-client.ts";
import { readCertificate, type WorkloadCertificate } from "./certificates.ts";
import type { CheckedMesh, ProxyProcess } from "./checks/index.ts";
import { buildEdges, type Edge } from "./edges.ts";
import type { LocalMesh } from "./local-mesh.ts";
import { type Memory, readMemory } from "./memory.ts";
import { appHost } from "./place-workloads.ts";
import { readChildren } from "./process-tree.ts";
import { measureSlowdown } from "./slowdown.ts";
import type { RunningWorkload } from "./start-workloads.ts";

/** Name of a workload in edges and tables: `reviews-v1`, `ingress`. */
export function shortName({ placed }: RunningWorkload): string {
  return "title" in placed ? placed.title : "ingress";
}

/** The process of each proxy: what its agent has started. */
export function findProxies(mesh: LocalMesh): ProxyProcess[] {
  const children = readChildren();
  return mesh.workloads.map(({ placed, agent }) => ({
    name: `${placed.name}.${placed.namespace}`,
    pid: agent.pid === undefined ? undefined : children.get(agent.pid)?.[0],
  }));
}

/** Who sent how much to whom, as every proxy counted. A proxy that does not answer (it may be starting again) is left out. */
export async function readEdges(mesh: LocalMesh): Promise<Edge[]> {
  const versions = new Map(mesh.workloads.map(({ placed }) => [placed.podIp, placed.labels.version]));
  const samples = await Promise.allSettled(
    mesh.workloads.map(async (workload) => {
      const [clusters, hosts] = await Promise.all([
        readClusterCounters(workload.admin),
        readHostCounters(workload.admin),
      ]);
      return { from: shortName(workload), clusters, hosts };
    }),
  );
  const answered = samples.flatMap((sample) => (sample.status === "fulfilled" ? [sample.value] : []));
  return buildEdges(answered, (address) => versions.get(address));
}

/** The certificate of each workload's proxy, in their order; undefined where it does not answer, or has none. */
export function readCertificates(mesh: LocalMesh): Promise<(WorkloadCertificate | undefined)[]> {
  return Promise.all(mesh.workloads.map(({ admin }) => readCertificate(admin).catch(() => undefined)));
}

/** Memory of one process of the mesh. */
export interface ProcessMemory extends Memory {
  readonly name: string;
  readonly pid: number;
}

/** Memory of every process of the mesh, this one (with pilot-discovery in it) first. */
export function readMeshMemory(mesh: LocalMesh): ProcessMemory[] {
  const proxies = findProxies(mesh);
  const named: (readonly [string, number | undefined])[] = [
    ["weftctl up, pilot-discovery", process.pid],
    ["reaper", mesh.processes.reaperPid],
    ...mesh.workloads.flatMap((workload, index) => [
      ...workload.apps.map((app) => [`${shortName(workload)} app`, app.process.pid] as const),
      [`${shortName(workload)} agent`, workload.agent.pid] as const,
      [`${shortName(workload)} proxy`, proxies[index]?.pid] as const,
    ]),
  ];
  const running = named.flatMap(([name, pid]) => (pid === undefined ? [] : [{ name, pid }]));
  const sizes = readMemory(running.map(({ pid }) => pid));
  return running.flatMap(({ name, pid }) => {
    const memory = sizes.get(pid);
    return memory === undefined ? [] : [{ name, pid, ...memory }];
  });
}

function addressOf(placed: RunningWorkload["placed"]): { readonly address: string; readonly port: number } {
  if (!("appPorts" in placed)) return { address: appHost, port: placed.httpPort };
  const [port = 0] = placed.appPorts.keys();
  return { address: placed.podIp, port };
}

/** A running mesh as the checks see it. */
export function toCheckedMesh(mesh: LocalMesh): CheckedMesh {
  return {
    url: mesh.url,
    configFolder: mesh.config,
    proxies: async () => findProxies(mesh),
    isReady: async (name) => {
      const workload = mesh.workloads.find(({ placed }) => `${placed.name}.${placed.namespace}` === name);
      if (workload === undefined) return false;
      return adminGet(workload.admin, "/ready").then(
        () => true,
        () => false,
      );
    },
    workloads: mesh.workloads.map(({ placed }) => ({
      name: `${placed.name}.${placed.namespace}`,
      pod: placed.name,
      namespace: placed.namespace,
      serviceAccount: placed.serviceAccount,
      ...addressOf(placed),
    })),
    citadel: mesh.citadel,
    edges: () => readEdges(mesh),
    certificates: () => readCertificates(mesh),
    problems: () => mesh.pilot.problems(),
    proxyStatus: () => mesh.pilot.proxyStatus(),
    slowdown: measureSlowdown,
    stopPilot: () => mesh.pilot.stop(),
    startPilot: () => mesh.pilot.start(),
  };
}
