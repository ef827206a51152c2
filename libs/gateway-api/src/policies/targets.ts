import type { PolicyTargetRef, ServiceEntry } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Context } from "../context.ts";
import { serviceHostname } from "../names.ts";

/** What a policy applies to. */
export interface PolicyTarget {
  /** Identity of the Service or ServiceEntry. */
  readonly key: string;
  readonly name: string;
  readonly kind: "Service" | "ServiceEntry";
  readonly hosts: readonly string[];
  /** Only this port; of all that apply to a port this is the one that counts. */
  readonly port?: number;
}

/** Finds the target of a policy, in the policy's own namespace; a text says what is wrong with the reference. */
export function resolveTarget(
  { group = "", kind, name, sectionName = "" }: PolicyTargetRef,
  namespace: string,
  { input }: Context,
  serviceEntries: ReadonlyMap<string, Config<ServiceEntry>>,
): PolicyTarget | string {
  const key = `${kind}/${namespace}/${name}`;
  const missing = `reference ${namespace}/${name} (of kind ${kind}) not found`;
  let ports: readonly { readonly name: string; readonly number: number }[];
  let hosts: readonly string[];
  if (group === "" && kind === "Service") {
    const service = input.service(serviceHostname(name, namespace, input.domainSuffix));
    if (service === undefined) return missing;
    ({ ports } = service);
    hosts = [service.hostname];
  } else if (group === "networking.istio.io" && kind === "ServiceEntry") {
    const entry = serviceEntries.get(`${namespace}/${name}`);
    if (entry === undefined) return missing;
    ports = entry.spec.ports ?? [];
    hosts = entry.spec.hosts;
  } else return `unsupported reference kind: ${kind}`;
  if (sectionName === "") return { key, name, kind, hosts };
  const port = ports.find((candidate) => candidate.name === sectionName);
  return port
    ? { key, name, kind, hosts, port: port.number }
    : `sectionName "${sectionName}" does not exist in ${kind} ${namespace}/${name}`;
}
