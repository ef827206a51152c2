import type { NodeInput } from "@weft/mesh-model";
import type { WorkloadIdentity } from "@weft/pki";

/**
 * Why a client of this identity may not be the node that it says it is; undefined where it may. A proxy is what its certificate or token
 * says: its namespace, wherever the node names it, its service account and its trust domain where the node names them. As Istio, which
 * compares the first two.
 */
export function nodeRefusal(
  identity: WorkloadIdentity,
  { id, metadata = {} }: Pick<NodeInput, "id" | "metadata">,
  trustDomains: readonly string[],
): string | undefined {
  const [, , name = "", dnsDomain = ""] = id.split("~");
  const dot = name.lastIndexOf(".");
  const [domainNamespace, service] = dnsDomain.split(".");
  const claims: readonly (readonly [what: string, claimed: unknown, proved: readonly string[]])[] = [
    ["namespace of the node id", dot < 0 ? undefined : name.slice(dot + 1), [identity.namespace]],
    ["domain of the node id", service === "svc" ? domainNamespace : undefined, [identity.namespace]],
    ["metadata NAMESPACE", metadata.NAMESPACE, [identity.namespace]],
    ["metadata SERVICE_ACCOUNT", metadata.SERVICE_ACCOUNT, [identity.serviceAccount]],
    // While a trust domain is renamed, a proxy may still have the other name.
    ["metadata TRUST_DOMAIN", metadata.TRUST_DOMAIN, [identity.trustDomain, ...trustDomains]],
  ];
  for (const [what, claimed, proved] of claims) {
    if (claimed === undefined || claimed === null || claimed === "") continue;
    if (typeof claimed === "string" && proved.includes(claimed)) continue;
    return `${what} is ${JSON.stringify(claimed).slice(0, 100)}, but the client proved to be ${identity.serviceAccount} of namespace ${identity.namespace} in ${identity.trustDomain}`;
  }
  return undefined;
}
