import { PkiError } from "./error.ts";

/** A SPIFFE ID. https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Begins with `/`, or is empty for the trust domain itself. */
  readonly path: string;
}

/** What a workload of the mesh is, as Istio names it: `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`. */
export interface WorkloadIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const scheme = "spiffe://";
const maxIdBytes = 2048;
const maxTrustDomainBytes = 255;
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dnsName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Reads a SPIFFE ID; throws `bad-spiffe-id`. Nothing is made lower case or decoded: two IDs are equal if their texts are. */
export function parseSpiffeId(text: string): SpiffeId {
  const fail = (why: string): never => {
    throw new PkiError("bad-spiffe-id", `SPIFFE ID ${quote(text)}: ${why}`);
  };
  // All that is allowed is ASCII, so that characters are bytes once the rest has been checked.
  if (text.length > maxIdBytes) fail(`longer than ${maxIdBytes} bytes`);
  if (!text.startsWith(scheme)) fail(`does not begin with ${scheme}`);
  const slash = text.indexOf("/", scheme.length);
  const trustDomain = text.slice(scheme.length, slash === -1 ? undefined : slash);
  const path = slash === -1 ? "" : text.slice(slash);
  const why = trustDomainProblem(trustDomain) ?? pathProblem(path);
  if (why !== undefined) fail(why);
  return { trustDomain, path };
}

/** Writes a SPIFFE ID, checked as {@link parseSpiffeId} does. */
export function formatSpiffeId({ trustDomain, path }: SpiffeId): string {
  const text = `${scheme}${trustDomain}${path}`;
  parseSpiffeId(text);
  return text;
}

/** Checks the name of a trust domain; throws `bad-spiffe-id`. */
export function validateTrustDomain(name: string): void {
  const why = trustDomainProblem(name);
  if (why !== undefined) throw new PkiError("bad-spiffe-id", `trust domain ${quote(name)}: ${why}`);
}

/** Reads a workload's identity; throws `bad-spiffe-id` where the ID is of another form. */
export function parseWorkloadIdentity(text: string): WorkloadIdentity {
  const { trustDomain, path } = parseSpiffeId(text);
  const [, ns, namespace = "", sa, serviceAccount = "", ...rest] = path.split("/");
  if (ns !== "ns" || sa !== "sa" || rest.length > 0) {
    throw new PkiError(
      "bad-spiffe-id",
      `SPIFFE ID ${quote(text)}: not of the form spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`,
    );
  }
  return checkWorkload({ trustDomain, namespace, serviceAccount });
}

/** Writes a workload's identity; throws `bad-spiffe-id` where a part is no Kubernetes name. */
export function formatWorkloadIdentity(identity: WorkloadIdentity): string {
  const { trustDomain, namespace, serviceAccount } = checkWorkload(identity);
  return formatSpiffeId({ trustDomain, path: `/ns/${namespace}/sa/${serviceAccount}` });
}

/** A namespace is a DNS label, a service account a DNS subdomain: Kubernetes' rules, which leave no room for tricks with paths. */
function checkWorkload(identity: WorkloadIdentity): WorkloadIdentity {
  const { namespace, serviceAccount } = identity;
  if (namespace.length > 63 || !dnsLabel.test(namespace)) {
    throw new PkiError("bad-spiffe-id", `namespace ${quote(namespace)}: not a DNS label`);
  }
  if (serviceAccount.length > 253 || !dnsName.test(serviceAccount)) {
    throw new PkiError("bad-spiffe-id", `service account ${quote(serviceAccount)}: not a DNS name`);
  }
  return identity;
}

function trustDomainProblem(name: string): string | undefined {
  if (name === "") return "the trust domain is empty";
  if (name.length > maxTrustDomainBytes)
    return `the trust domain is longer than ${maxTrustDomainBytes} bytes`;
  if (!/^[a-z0-9._-]+$/.test(name))
    return "the trust domain may hold a-z, 0-9, dot, dash and underscore only";
  return undefined;
}

function pathProblem(path: string): string | undefined {
  if (path === "") return undefined;
  for (const segment of path.slice(1).split("/")) {
    if (segment === "") return "the path has an empty segment or ends with a slash";
    if (segment === "." || segment === "..") return "the path has a segment . or ..";
    if (!/^[a-zA-Z0-9._-]+$/.test(segment)) {
      return "the path may hold a-z, A-Z, 0-9, dot, dash and underscore only";
    }
  }
  return undefined;
}

/** For messages: bounded, and with nothing in it that a terminal would obey. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
