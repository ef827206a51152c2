import { headerName, port } from "../schema/scalars.ts";
import {
  type CelRule,
  type Check,
  type Infer,
  inCrd,
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
  address: inCrd(string(address), {
    keywords: { maxLength: 256 },
    validations: [
      {
        rule: '!self.startsWith("unix://") || self.substring(7, 8) in ["/", "@"]',
        message: "UDS must be an absolute path or abstract socket",
      },
      { rule: '!self.startsWith("unix://") || !self.endsWith("/")', message: "UDS may not be a dir" },
    ],
  }),
  ports: inCrd(map(port(), portName), {
    keywords: { maxProperties: 128 },
    validations: [
      {
        rule: 'self.all(key, size(key) < 63 && key.matches("^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$"))',
        message: "port name must be valid",
      },
    ],
  }),
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

const socketHasNoPortsInCel: CelRule = {
  rule: '!has(self.address) || !self.address.startsWith("unix://") || !has(self.ports)',
  message: "UDS may not include ports",
};

/** https://istio.io/latest/docs/reference/config/networking/workload-entry/; also an endpoint of a ServiceEntry. */
export const workloadEntrySpec = inCrd(
  message(fields, {
    check: (value) =>
      value.address === undefined && value.network === undefined
        ? "address is missing; it may be left out only where network is set"
        : socketHasNoPorts(value),
  }),
  {
    validations: [
      { rule: "has(self.address) || has(self.network)", message: "Address is required" },
      socketHasNoPortsInCel,
    ],
  },
);

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
      scheme: inCrd(oneOfWords("", "HTTP", "HTTPS"), {
        keywords: { enum: undefined },
        validations: [
          { rule: 'self in ["", "HTTP", "HTTPS"]', message: "scheme must be one of [HTTP, HTTPS]" },
        ],
      }),
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
  template: required(
    inCrd(message(fields, { check: socketHasNoPorts }), { validations: [socketHasNoPortsInCel] }),
  ),
  probe: readinessProbe,
});

/** `spec` of a WorkloadEntry. */
export type WorkloadEntry = Infer<typeof workloadEntrySpec>;
/** `spec` of a WorkloadGroup. */
export type WorkloadGroup = Infer<typeof workloadGroupSpec>;
/** How the readiness of a workload outside Kubernetes is found out. Times are seconds. */
export type ReadinessProbe = Infer<typeof readinessProbe>;
