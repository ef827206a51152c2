import type { MeshObject } from "@weft/mesh-model";
import type { Credentials } from "./references/credentials.ts";

/** A port of a service, as far as Gateways and policies ask for it. */
export interface KnownPort {
  readonly name: string;
  readonly number: number;
  /** Where the workloads behind it listen, where that is known as a number. */
  readonly targetPort?: number;
}

/** A service of the mesh, as far as the Gateway API refers to it. */
export interface KnownService {
  readonly hostname: string;
  readonly namespace: string;
  readonly ports: readonly KnownPort[];
  /** Addresses of its load balancer. */
  readonly externalAddresses: readonly string[];
}

/** What {@link convertGatewayApi} reads. The order of objects does not matter. */
export interface GatewayApiInput {
  /** Objects by `group/Kind`, of the kinds in {@link gatewayApiKinds}; their structure is sound. */
  objects(kind: string): readonly MeshObject[];
  service(hostname: string): KnownService | undefined;
  /** Labels of each namespace, by its name. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly credentials: Credentials;
  readonly domainSuffix: string;
}
