import { networkingWorkloadSelector, port } from "../schema/scalars.ts";
import { type Check, type Infer, list, message, oneOfWords, required, string } from "../schema/schema.ts";
import { workloadEntrySpec } from "./workload.ts";

const serviceEntryPort = message({
  number: required(port()),
  protocol: string(),
  name: required(string()),
  targetPort: port(),
});

const host: Check<string> = (value) =>
  value === "*" ? 'the host "*" would take all traffic; name a host or *.domain' : undefined;

const consistent: Check<Readonly<Record<string, unknown>>> = (spec) => {
  const resolution = spec.resolution ?? "NONE";
  const endpoints = Array.isArray(spec.endpoints) ? spec.endpoints : undefined;
  const addresses = Array.isArray(spec.addresses) ? spec.addresses : [];
  if (spec.workloadSelector !== undefined && endpoints !== undefined)
    return "workloadSelector and endpoints exclude each other; set one of them";
  if (addresses.some((a) => String(a).includes("/")) && resolution !== "STATIC" && resolution !== "NONE")
    return `addresses must not hold CIDR ranges with resolution ${resolution}; allowed with STATIC and NONE`;
  if (resolution === "NONE" && endpoints && endpoints.length > 0)
    return "endpoints must not be set with resolution NONE; allowed with STATIC, DNS and DNS_ROUND_ROBIN";
  if (resolution === "DNS_ROUND_ROBIN" && (endpoints?.length ?? 0) > 1)
    return "resolution DNS_ROUND_ROBIN takes at most one endpoint";
  return undefined;
};

/** https://istio.io/latest/docs/reference/config/networking/service-entry/ */
export const serviceEntrySpec = message(
  {
    hosts: required(list(string(host), { min: 1, max: 256 })),
    addresses: list(string(), { max: 256 }),
    ports: list(serviceEntryPort, { max: 256, unique: ["name", "number"] }),
    location: oneOfWords("MESH_EXTERNAL", "MESH_INTERNAL"),
    resolution: oneOfWords("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
    endpoints: list(workloadEntrySpec, { max: 4096 }),
    workloadSelector: networkingWorkloadSelector,
    exportTo: list(string()),
    subjectAltNames: list(string()),
  },
  { check: consistent },
);

/** `spec` of a ServiceEntry. */
export type ServiceEntry = Infer<typeof serviceEntrySpec>;
/** A port of a ServiceEntry; `targetPort` is where its endpoints listen. */
export type ServiceEntryPort = Infer<typeof serviceEntryPort>;
