import type { Caller } from "@weft/identity";
import { formatWorkloadIdentity, PkiError, parseWorkloadIdentity, type WorkloadIdentity } from "@weft/pki";
import { CaError } from "./error.ts";

/** Who may ask for certificates of others: agents of nodes, which serve the workloads of their node. */
export interface ImpersonationPolicy {
  /** `NAMESPACE/SERVICE_ACCOUNT`; Istio's CA_TRUSTED_NODE_ACCOUNTS. Nobody where empty. */
  readonly accounts: readonly string[];
  /** Asked besides where given: say, whether a pod of that identity runs on the caller's node. */
  readonly allows?: (caller: WorkloadIdentity, wanted: WorkloadIdentity) => Promise<boolean>;
}

/** The identity that is signed: the caller's own, or the one it may ask for. Throws `unauthenticated` where it may not. */
export async function resolveIdentity(
  caller: Caller,
  wanted: string | undefined,
  policy: ImpersonationPolicy,
): Promise<WorkloadIdentity> {
  const { identity } = caller;
  if (wanted === undefined || wanted === "") return identity;
  const refuse = (why: string): never => {
    throw new CaError("unauthenticated", `impersonation refused: ${why}`);
  };
  const account = `${identity.namespace}/${identity.serviceAccount}`;
  if (!policy.accounts.includes(account)) return refuse(`${account} is not a trusted node account`);
  let other: WorkloadIdentity;
  try {
    other = parseWorkloadIdentity(wanted);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return refuse(error.message);
  }
  if (other.trustDomain !== identity.trustDomain) return refuse(`${wanted} is of another trust domain`);
  if (policy.allows !== undefined && !(await policy.allows(identity, other))) {
    return refuse(`${formatWorkloadIdentity(identity)} may not act for ${wanted}`);
  }
  return other;
}
