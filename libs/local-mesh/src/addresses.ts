import { createServer } from "node:net";
import { LocalMeshError } from "./errors.ts";

/** Host numbers in a mesh's subnet: the control plane, the ingress gateway, then the workloads. */
const controlPlaneHost = 1;
const gatewayHost = 2;
const firstWorkloadHost = 10;

/**
 * Ports that the control plane takes on its own address where they are free: those that pilot-discovery and the citadel of Istio 1.4
 * have, and one for citadel's monitoring, which has no port of its own beside pilot-discovery's.
 */
const wishedPorts = {
  pilot: { grpc: 15010, secureGrpc: 15012, http: 8080, monitoring: 15014 },
  citadel: { grpc: 8060, monitoring: 8062 },
} as const;

/** Where the parts of the control plane listen, on its address. */
export interface ControlPlanePorts {
  readonly pilot: {
    readonly grpc: number;
    readonly secureGrpc: number;
    readonly http: number;
    readonly monitoring: number;
  };
  readonly citadel: { readonly grpc: number; readonly monitoring: number };
}

/**
 * A mesh holds this port of its control plane's address for as long as it lives, so that no other mesh takes its addresses
 * while its pilot-discovery is stopped.
 */
const claimPort = 15009;

/** Loopback addresses of one mesh. */
export interface MeshAddresses {
  readonly controlPlane: string;
  readonly ports: ControlPlanePorts;
  readonly gateway: string;
  readonly workloads: readonly string[];
  /** Which of the subnets 127.1.0.0/24, 127.1.1.0/24 … this is; above 0 where another mesh has the first. */
  readonly subnet: number;
  /** Lets other meshes have the addresses. */
  release(): Promise<void>;
}

/** Whether a TCP port can be bound: `free`, `taken`, or `no-address` where the machine has no such address. */
export type PortState = "free" | "taken" | "no-address";

/** Tries to bind a port and lets it go again. */
export function probePort(host: string, port: number): Promise<PortState> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve("taken");
      else if (error.code === "EADDRNOTAVAIL") resolve("no-address");
      // A port below 1024 without the right to it is of no more use than a taken one.
      else if (error.code === "EACCES") resolve("taken");
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve("free")));
  });
}

/** A port of `host` that nothing listens on now. */
export function findFreePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port: 0 }, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** How many subnets, and how many ports after a wished one, are tried. */
const attempts = 20;

/** `wished`, or the next port after it that is free on `host`. */
export async function firstFreePort(host: string, wished: number): Promise<number> {
  for (let port = wished; port < wished + attempts && port < 65_536; port++) {
    if ((await probePort(host, port)) === "free") return port;
  }
  throw new LocalMeshError(
    "port-taken",
    `ports ${wished} to ${wished + attempts - 1} of ${host} are all taken; choose another with --port`,
  );
}

/** How {@link claimAddresses} looks at the machine. */
export interface AddressProbes {
  probe(host: string, port: number): Promise<PortState>;
  /** Binds a port and holds it; undefined where it is taken. */
  hold(host: string, port: number): Promise<{ release(): Promise<void> } | undefined>;
  /** A port that nothing listens on. */
  findFree(host: string): Promise<number>;
}

/**
 * Takes the first subnet whose addresses exist and that no other mesh has. Control plane ports that something else has, as a server that
 * listens on all addresses of the machine, are replaced by free ones.
 *
 * @throws LocalMeshError `address-missing` where the machine answers on 127.0.0.1 alone (macOS), naming the commands that
 *   add what is missing; `subnets-taken` where every subnet tried is in use.
 */
export async function claimAddresses(
  workloads: number,
  { probe, hold, findFree }: AddressProbes = { probe: probePort, hold: holdPort, findFree: findFreePort },
): Promise<MeshAddresses> {
  for (let subnet = 0; subnet < attempts; subnet++) {
    const address = (host: number) => `127.1.${subnet}.${host}`;
    const controlPlane = address(controlPlaneHost);
    const gateway = address(gatewayHost);
    const pods = Array.from({ length: workloads }, (_, index) => address(firstWorkloadHost + index));
    const missing: string[] = [];
    for (const host of [controlPlane, gateway, ...pods]) {
      if ((await probe(host, 0)) === "no-address") missing.push(host);
    }
    if (missing.length > 0) throw missingAddresses(missing);
    const claim = await hold(controlPlane, claimPort);
    if (claim === undefined) continue;
    const port = async (wished: number) =>
      (await probe(controlPlane, wished)) === "free" ? wished : findFree(controlPlane);
    const { pilot, citadel } = wishedPorts;
    const ports = {
      pilot: {
        grpc: await port(pilot.grpc),
        secureGrpc: await port(pilot.secureGrpc),
        http: await port(pilot.http),
        monitoring: await port(pilot.monitoring),
      },
      citadel: { grpc: await port(citadel.grpc), monitoring: await port(citadel.monitoring) },
    };
    return { controlPlane, ports, gateway, workloads: pods, subnet, release: claim.release };
  }
  throw new LocalMeshError(
    "subnets-taken",
    `something listens in each of 127.1.0.1 to 127.1.${attempts - 1}.1; stop a mesh that runs`,
  );
}

/** Listens on a port, closes who connects, and does not keep the process alive. */
function holdPort(host: string, port: number): Promise<{ release(): Promise<void> } | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.unref();
      resolve({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}

function missingAddresses(hosts: readonly string[]): LocalMeshError {
  const commands = hosts.map((host) => `  sudo ifconfig lo0 alias ${host} up`).join("\n");
  return new LocalMeshError(
    "address-missing",
    `each pod needs a loopback address of its own, and this machine does not have these yet (Linux has all of 127.0.0.0/8, ` +
      `macOS only 127.0.0.1). Add them, until the next reboot, with:\n${commands}`,
  );
}
