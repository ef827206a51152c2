import { networkingWorkloadSelector, port } from "../schema/scalars.ts";
import {
  type Check,
  type Infer,
  inCrd,
  list,
  message,
  oneOfWords,
  required,
  string,
} from "../schema/schema.ts";
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
export const serviceEntrySpec = inCrd(
  message(
    {
      hosts: required(
        list(
          inCrd(string(host), {
            validations: [{ rule: 'self != "*"', message: "hostname cannot be wildcard" }],
          }),
          { min: 1, max: 256 },
        ),
      ),
      addresses: list(inCrd(string(), { keywords: { maxLength: 64 } }), { max: 256 }),
      ports: inCrd(list(serviceEntryPort, { max: 256, unique: ["name", "number"] }), {
        validations: [
          {
            rule: "self.all(l1, self.exists_one(l2, l1.number == l2.number))",
            message: "port number cannot be duplicated",
          },
        ],
      }),
      location: oneOfWords("MESH_EXTERNAL", "MESH_INTERNAL"),
      resolution: oneOfWords("NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"),
      endpoints: list(workloadEntrySpec, { max: 4096 }),
      workloadSelector: networkingWorkloadSelector,
      exportTo: list(string()),
      subjectAltNames: list(string()),
    },
    { check: consistent },
  ),
  {
    validations: [
      {
        rule: "!has(self.workloadSelector) || !has(self.endpoints)",
        message: "only one of WorkloadSelector or Endpoints can be set",
      },
      {
        rule: '!has(self.addresses) || !self.addresses.exists(address, address.contains("/")) || !has(self.resolution) || self.resolution in ["STATIC", "NONE"]',
        message: "CIDR addresses are allowed only for NONE/STATIC resolution types",
      },
      {
        rule: '(has(self.resolution) && self.resolution != "NONE") || !has(self.endpoints)',
        message: "NONE mode cannot set endpoints",
      },
      {
        rule: '!has(self.resolution) || self.resolution != "DNS_ROUND_ROBIN" || !has(self.endpoints) || self.endpoints.size() <= 1',
        message: "DNS_ROUND_ROBIN mode cannot have multiple endpoints",
      },
    ],
  },
);

/** `spec` of a ServiceEntry. */
export type ServiceEntry = Infer<typeof serviceEntrySpec>;
/** A port of a ServiceEntry; `targetPort` is where its endpoints listen. */
export type ServiceEntryPort = Infer<typeof serviceEntryPort>;
