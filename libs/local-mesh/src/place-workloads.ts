import { claimAddresses, findFreePort, firstFreePort, type MeshAddresses } from "./addresses.ts";
import type { PlacedGateway, PlacedWorkload } from "./mesh-objects.ts";
import { tlsModeLabel, type Workload } from "./workloads.ts";

/** Host on which every app listens; its proxy alone goes there. */
export const appHost = "127.0.0.1";

/** Labels of the ingress gateway, which Gateways select by. */
const gatewayLabels = { app: "istio-ingressgateway", istio: "ingressgateway" };

/** A mesh's workloads with their addresses. */
export interface Placement {
  readonly addresses: MeshAddresses;
  readonly workloads: readonly PlacedWorkload[];
  readonly gateway: PlacedGateway;
}

/**
 * Gives each workload its pod IP and its app's ports, and the gateway its place; `wishedPort` is where the gateway should answer.
 * The addresses are this mesh's until they are released.
 */
export async function placeWorkloads(workloads: readonly Workload[], wishedPort: number): Promise<Placement> {
  const addresses = await claimAddresses(workloads.length);
  // A gateway binds its port only later: meshes that start at the same time begin to look at different ones.
  const httpPort = await firstFreePort(appHost, wishedPort + addresses.subnet);
  const taken = new Set<number>();
  const placed: PlacedWorkload[] = [];
  for (const [index, workload] of workloads.entries()) {
    const appPorts = new Map<number, number>();
    for (const { port } of workload.containers.flatMap((container) => container.ports)) {
      let free = await findFreePort(appHost);
      while (taken.has(free)) free = await findFreePort(appHost);
      taken.add(free);
      appPorts.set(port, free);
    }
    // claimAddresses gave as many as there are workloads
    placed.push({ ...workload, podIp: addresses.workloads[index] as string, appPorts });
  }
  return {
    addresses,
    workloads: placed,
    gateway: {
      name: "istio-ingressgateway-local",
      namespace: "istio-system",
      serviceAccount: "istio-ingressgateway-service-account",
      labels: { ...gatewayLabels, [tlsModeLabel]: "istio" },
      selector: gatewayLabels,
      podIp: addresses.gateway,
      httpPort,
    },
  };
}
