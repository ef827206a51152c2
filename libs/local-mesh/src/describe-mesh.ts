import { existsSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { LocalMesh } from "./local-mesh.ts";
import { findProxies, type ProcessMemory, readCertificates, shortName } from "./observe.ts";
import type { RunningWorkload } from "./start-workloads.ts";
import { defaultStateFile } from "./state-file.ts";
import { renderTable } from "./table.ts";

/** Who each workload is, and until when its certificate says so: a line per workload. */
export async function describeIdentities(mesh: LocalMesh): Promise<string[]> {
  const certificates = await readCertificates(mesh);
  const rows = mesh.workloads.map((workload, index) => ({ workload, certificate: certificates[index] }));
  return renderTable(
    [
      { title: "WORKLOAD", value: ({ workload }) => shortName(workload) },
      { title: "IDENTITY", value: ({ certificate }) => certificate?.identity ?? "none" },
      { title: "SERIAL", value: ({ certificate }) => certificate?.serialNumber ?? "-" },
      {
        title: "NOT AFTER",
        value: ({ certificate }) =>
          certificate === undefined ? "-" : new Date(certificate.notAfter).toISOString(),
      },
    ],
    rows,
  );
}

/** What runs where: a line per workload. */
export function describeWorkloads(mesh: LocalMesh): string[] {
  const proxies = findProxies(mesh);
  const rows = mesh.workloads.map((workload, index) => ({ workload, proxy: proxies[index]?.pid }));
  const appAddresses = ({ placed }: RunningWorkload) =>
    "appPorts" in placed ? [...placed.appPorts.values()].map((port) => `127.0.0.1:${port}`).join(" ") : "-";
  const listens = ({ placed }: RunningWorkload) =>
    "appPorts" in placed
      ? [...placed.appPorts.keys()].map((port) => `${placed.podIp}:${port}`).join(" ")
      : `127.0.0.1:${placed.httpPort}`;
  return renderTable(
    [
      { title: "WORKLOAD", value: ({ workload }) => shortName(workload) },
      { title: "APP", value: ({ workload }) => appAddresses(workload) },
      {
        title: "PID",
        align: "right",
        value: ({ workload }) => workload.apps.map((app) => app.process.pid ?? "-").join(" ") || "-",
      },
      { title: "PROXY", value: ({ workload }) => listens(workload) },
      { title: "PID", align: "right", value: ({ proxy }) => String(proxy ?? "-") },
      { title: "ADMIN", value: ({ workload }) => `http://${workload.admin}` },
    ],
    rows,
  );
}

/** Things to try while the mesh runs. */
export function describeExamples(mesh: LocalMesh, folder: string, cwd: string): string[] {
  const here = (path: string) => relative(cwd, path) || ".";
  const sample = join(folder, "samples/reviews-v3.yaml");
  const samples: [string, string][] = existsSync(sample)
    ? [["", `cp ${here(sample)} ${here(join(mesh.config, "reviews.yaml"))}`]]
    : [];
  const weftctl =
    basename(mesh.stateFile) === defaultStateFile ? "npx weftctl" : `WEFT_MESH=${mesh.stateFile} npx weftctl`;
  const rows: [string, string][] = [
    ["open", mesh.url + mesh.openPath],
    ["change", `edit a file of ${here(mesh.config)}; it is live at once`],
    ...samples,
    ["look", `${weftctl} proxy-status`],
    ["", `${weftctl} proxy-config routes istio-ingressgateway`],
    ["break", "kill -9 the PID of a proxy; its agent starts another"],
    ["stop", "Ctrl-C"],
  ];
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`);
}

/** Memory of each process, and of all. */
export function describeMemory(memory: readonly ProcessMemory[]): string[] {
  const megabytes = (bytes: number | undefined) =>
    bytes === undefined ? "-" : (bytes / 1024 / 1024).toFixed(0);
  const sum = (size: (row: ProcessMemory) => number) => memory.reduce((total, row) => total + size(row), 0);
  const rows = memory.map(
    ({ name, pid, rss, pss }) => [name, String(pid), megabytes(rss), megabytes(pss)] as const,
  );
  const pss = memory.some((row) => row.pss === undefined) ? undefined : sum((row) => row.pss ?? 0);
  return renderTable(
    [
      { title: "PROCESS", value: ([name]) => name },
      { title: "PID", align: "right", value: ([, pid]) => pid },
      { title: "RSS MB", align: "right", value: ([, , rss]) => rss },
      { title: "PSS MB", align: "right", value: ([, , , pss]) => pss },
    ],
    [...rows, [`${memory.length} processes`, "", megabytes(sum((row) => row.rss)), megabytes(pss)] as const],
  );
}
