import { formatWorkloadIdentity, type WorkloadIdentity } from "@weft/pki";

const prefix = "system:serviceaccount:";

/** The subject of a service account's tokens, as Kubernetes writes it: `system:serviceaccount:NAMESPACE:NAME`. */
export function formatServiceAccount(namespace: string, serviceAccount: string): string {
  return `${prefix}${namespace}:${serviceAccount}`;
}

/** The identity of a token's subject in a trust domain; undefined where it is not a service account's. */
export function identityOfSubject(subject: string, trustDomain: string): WorkloadIdentity | undefined {
  if (!subject.startsWith(prefix)) return undefined;
  const [namespace = "", serviceAccount = "", ...rest] = subject.slice(prefix.length).split(":");
  if (rest.length > 0) return undefined;
  const identity = { trustDomain, namespace, serviceAccount };
  try {
    formatWorkloadIdentity(identity);
    return identity;
  } catch {
    // Names that are not Kubernetes' own: not a service account.
    return undefined;
  }
}
