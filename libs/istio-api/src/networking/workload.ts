import { headerName, port } from "../schema/scalars.ts";
import {
  type Check,
  type Infer,
  integer,
  list,
  map,
  message,
  nonEmptyString,
  oneOfWords,
  required,
  string,
  unsigned,
} from "../schema/schema.ts";

const portName: Check<string> = (key) =>
  key.length < 63 && /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(key)
    ? undefined
    : `"${key}" is not a port name; allowed are up to 62 letters, digits and -, not at an end`;

const address: Check<string> = (value) => {
  if (!value.startsWith("unix://")) return undefined;
  const path = value.slice("unix://".length);
  if (!path.startsWith("/") && !path.startsWith("@"))
    return `"${value}" must name an absolute path or an abstract socket (@name)`;
  return path.endsWith("/") ? `"${value}" must name a socket, not a folder` : undefined;
};

const fields = {
  address: string(address),
  ports: map(port(), portName),
  labels: map(string()),
  network: string(),
  locality: string(),
  weight: unsigned(),
  serviceAccount: string(),
};

const socketHasNoPorts: Check<Readonly<Record<string, unknown>>> = (value) =>
  typeof value.address === "string" && value.address.startsWith("unix://") && value.ports !== undefined
    ? "ports must not be set for a Unix socket"
    : undefined;

/** https://istio.io/latest/docs/reference/config/networking/workload-entry/; also an endpoint of a ServiceEntry. */
export const workloadEntrySpec = message(fields, {
  check: (value) =>
    value.address === undefined && value.network === undefined
      ? "address is missing; it may be left out only where network is set"
      : socketHasNoPorts(value),
});

const seconds = integer(0);

const readinessProbe = message(
  {
    initialDelaySeconds: seconds,
    timeoutSeconds: seconds,
    periodSeconds: seconds,
    successThreshold: seconds,
    failureThreshold: seconds,
    httpGet: message({
      path: string(),
      port: required(port()),
      host: string(),
      scheme: oneOfWords("", "HTTP", "HTTPS"),
      httpHeaders: list(message({ name: headerName(), value: string() })),
    }),
    tcpSocket: message({ host: string(), port: required(port()) }),
    exec: message({ command: required(list(nonEmptyString())) }),
    grpc: message({ port: port(), service: string() }),
  },
  { oneOf: [["httpGet", "tcpSocket", "exec", "grpc"]] },
);

/** https://istio.io/latest/docs/reference/config/networking/workload-group/ */
export const workloadGroupSpec = message({
  metadata: message({ labels: map(string()), annotations: map(string()) }),
  template: required(message(fields, { check: socketHasNoPorts })),
  probe: readinessProbe,
});

/** `spec` of a WorkloadEntry. */
export type WorkloadEntry = Infer<typeof workloadEntrySpec>;
/** `spec` of a WorkloadGroup. */
export type WorkloadGroup = Infer<typeof workloadGroupSpec>;
/** How the readiness of a workload outside Kubernetes is found out. Times are seconds. */
export type ReadinessProbe = Infer<typeof readinessProbe>;
