import { connect } from "node:net";
import { delimiter } from "node:path";
import { outboundPort, type PlacedWorkload } from "./mesh-objects.ts";
import { appHost } from "./place-workloads.ts";
import type { ProcessSpec } from "./processes.ts";
import type { ContainerProcess } from "./workloads.ts";

/** Variables of the caller that every process gets; the rest of its environment stays with it. */
const inherited = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "TERM"];

/** The environment every process of the mesh starts from. */
export function baseEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    inherited.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

/**
 * How an app's process is started: told where to listen (HOST, PORT and, for a container with several ports, PORT_<NAME>), and to
 * send its HTTP requests to its proxy. `$(NAME)` in its command stands for a variable, as in a container's.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
 */
export function appProcess(
  workload: PlacedWorkload,
  container: ContainerProcess,
  env: NodeJS.ProcessEnv,
): ProcessSpec {
  const proxy = `http://${workload.podIp}:${outboundPort}`;
  const ports = container.ports.flatMap(({ name, port }, index) => {
    const here = String(workload.appPorts.get(port));
    const named = name === "" ? [] : [[`PORT_${name.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`, here]];
    return index === 0 ? [["PORT", here], ...named] : named;
  });
  const variables: Record<string, string> = {
    ...baseEnv(env),
    HOSTNAME: workload.name,
    ...container.env,
    HOST: appHost,
    ...Object.fromEntries(ports),
    // Clients that read these send `GET http://reviews:9080/…` to the proxy. Node's own do where the last one is set:
    // https://nodejs.org/api/http.html#built-in-proxy-support
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    NODE_USE_ENV_PROXY: "1",
  };
  const command = container.command.map((part) =>
    part.replace(/\$\((\w+)\)/g, (whole, name) => variables[name] ?? whole),
  );
  const single = workload.containers.length === 1;
  return {
    name: single ? `${workload.name}.app` : `${workload.name}.${container.name}`,
    command,
    cwd: container.workingDir,
    // A project's own programs first, as npm has it.
    env: {
      ...variables,
      PATH: [`${container.workingDir}/node_modules/.bin`, variables.PATH ?? ""].join(delimiter),
    },
  };
}

/** Whether an app answers: its readiness path where it has one, else whether each of its ports takes a connection. */
export async function isAppReady(workload: PlacedWorkload, container: ContainerProcess): Promise<boolean> {
  const { readiness } = container;
  if (readiness !== undefined) {
    const url = `http://${appHost}:${workload.appPorts.get(readiness.port)}${readiness.path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000), redirect: "manual" });
    await response.body?.cancel();
    return response.status < 400;
  }
  const open = await Promise.all(
    container.ports.map(({ port }) => takesConnection(workload.appPorts.get(port) ?? 0)),
  );
  return open.every(Boolean);
}

function takesConnection(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: appHost, port, timeout: 1_000 });
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("timeout", () => settle(false));
  });
}
