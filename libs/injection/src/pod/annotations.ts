import type { Json } from "./types.ts";

/** A pod's wish that cannot be met: the annotation, what is wrong, and what is allowed. */
export class AnnotationError extends Error {
  override readonly name = "AnnotationError";
}

type Check = (value: string) => string | undefined;

const ports: Check = (value) =>
  list(value).every((part) => /^\d+$/.test(part) && Number(part) <= 65535)
    ? undefined
    : "allowed are ports, separated by commas";

const portsOrAll: Check = (value) => (value === "*" ? undefined : ports(value));

const ranges: Check = (value) =>
  value === "*" || list(value).every((part) => /^[0-9a-fA-F.:]+\/\d{1,3}$/.test(part))
    ? undefined
    : "allowed are * and address ranges such as 10.0.0.0/8, separated by commas";

const number: Check = (value) => (/^\d+$/.test(value) ? undefined : "allowed is a number, 0 or more");

const port: Check = (value) =>
  /^\d+$/.test(value) && Number(value) <= 65535 ? undefined : "allowed is a port, 0 to 65535";

const boolean: Check = (value) =>
  ["true", "false", "True", "False", "TRUE", "FALSE", "t", "f", "T", "F", "1", "0"].includes(value)
    ? undefined
    : "allowed are true and false";

const mode: Check = (value) =>
  ["NONE", "REDIRECT", "TPROXY"].includes(value) ? undefined : "allowed are NONE, REDIRECT and TPROXY";

/** A quantity as https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ has it. */
const quantity: Check = (value) =>
  /^[+-]?(\d+(\.\d*)?|\.\d+)((Ki|Mi|Gi|Ti|Pi|Ei)|[numkMGTPE]|[eE][+-]?\d+)?$/.test(value)
    ? undefined
    : "allowed is a quantity such as 100m or 128Mi";

const json: Check = (value) => {
  try {
    JSON.parse(value);
    return undefined;
  } catch {
    return "allowed is JSON";
  }
};

const levels: Check = (value) =>
  /^[\w:,-]+$/.test(value) ? undefined : "allowed are levels such as info, or misc:error,router:debug";

const interfaces: Check = (value) =>
  list(value).every((part) => /^[\w.@-]+$/.test(part))
    ? undefined
    : "allowed are names of interfaces, separated by commas";

/** Annotations of pods that are read, with what they may hold. */
const checks: Readonly<Record<string, Check>> = {
  "sidecar.istio.io/interceptionMode": mode,
  "sidecar.istio.io/proxyCPU": quantity,
  "sidecar.istio.io/proxyCPULimit": quantity,
  "sidecar.istio.io/proxyMemory": quantity,
  "sidecar.istio.io/proxyMemoryLimit": quantity,
  "sidecar.istio.io/logLevel": levels,
  "sidecar.istio.io/componentLogLevel": levels,
  "sidecar.istio.io/agentLogLevel": levels,
  "sidecar.istio.io/rewriteAppHTTPProbers": boolean,
  "sidecar.istio.io/userVolume": json,
  "sidecar.istio.io/userVolumeMount": json,
  "status.sidecar.istio.io/port": port,
  "readiness.status.sidecar.istio.io/initialDelaySeconds": number,
  "readiness.status.sidecar.istio.io/periodSeconds": number,
  "readiness.status.sidecar.istio.io/failureThreshold": number,
  "readiness.status.sidecar.istio.io/applicationPorts": portsOrAll,
  "traffic.sidecar.istio.io/includeOutboundIPRanges": ranges,
  "traffic.sidecar.istio.io/excludeOutboundIPRanges": ranges,
  "traffic.sidecar.istio.io/includeInboundPorts": portsOrAll,
  "traffic.sidecar.istio.io/excludeInboundPorts": ports,
  "traffic.sidecar.istio.io/includeOutboundPorts": portsOrAll,
  "traffic.sidecar.istio.io/excludeOutboundPorts": ports,
  "traffic.sidecar.istio.io/excludeInterfaces": interfaces,
  "traffic.sidecar.istio.io/kubevirtInterfaces": interfaces,
  "istio.io/reroute-virtual-interfaces": interfaces,
};

/** @throws AnnotationError for the first annotation that cannot be read, naming it */
export function checkAnnotations(annotations: Readonly<Record<string, string>>): void {
  for (const [name, check] of Object.entries(checks)) {
    const value = annotations[name];
    const allowed = value === undefined ? undefined : check(value);
    if (allowed !== undefined) {
      throw new AnnotationError(`annotation ${name}: ${JSON.stringify(value)} cannot be read; ${allowed}`);
    }
  }
}

/** Whether a text is a quantity, as of CPU or memory. */
export function isQuantity(text: string): boolean {
  return quantity(text) === undefined;
}

/** The parts of a list separated by commas, without empty ones. */
export function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** An annotation's JSON object; empty where there is none. */
export function jsonAnnotation(annotations: Readonly<Record<string, string>>, name: string): Json {
  const text = annotations[name];
  return text === undefined ? {} : (JSON.parse(text) as Json); // Checked above.
}

/** What Go's ParseBool takes for true. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "T", "true", "TRUE", "True"].includes(text);
}
