import { isIP } from "node:net";
import type { ServiceEntry, WorkloadEntry } from "@weft/istio-api";
import { type Config, isHttp, isTls, parseProtocol } from "@weft/mesh-model";
import { checkExportTo } from "./export-to.ts";
import { each, type Findings } from "./findings.ts";
import { checkLabels } from "./labels.ts";
import { isFqdn, isPartialWildcard, isSubnet, wildcardDomainMessage } from "./names.ts";

/** Checks a ServiceEntry: https://istio.io/latest/docs/reference/config/networking/service-entry/ */
export function checkServiceEntry({ spec, namespace }: Config<ServiceEntry>, findings: Findings): void {
  const { hosts, addresses = [], ports = [], resolution = "NONE", workloadSelector } = spec;
  hosts.forEach((host, i) => {
    const message = wildcardDomainMessage(host);
    if (message !== undefined) findings.error(`hosts[${i}]`, "invalid-host", message);
    else if (isPartialWildcard(host))
      findings.warn(
        `hosts[${i}]`,
        "partial-wildcard",
        `"${host}" has a * that is not a whole label; not all see it alike`,
      );
  });
  addresses.forEach((address, i) => {
    const message = `"${address}" is not an address; allowed are IP addresses and prefixes`;
    if (!isSubnet(address)) findings.error(`addresses[${i}]`, "invalid-address", message);
  });
  checkPorts(spec, findings);
  if (workloadSelector) checkSelector(spec, findings);
  checkResolution(spec, findings);
  const names = new Set(ports.map(({ name }) => name));
  each(spec.endpoints, "endpoints", findings, (endpoint, at) => checkEndpoint(endpoint, names, spec, at));
  checkExportTo(spec.exportTo, { namespace, allowNone: true }, findings);
  if (resolution === "NONE" && addresses.length === 0) warnOfTakenPorts(spec, findings);
}

function checkPorts({ ports = [] }: ServiceEntry, findings: Findings): void {
  each(ports, "ports", findings, ({ name, protocol }, at) => {
    if (name === "") at.error("name", "missing-field", "must not be empty");
    if (protocol && parseProtocol(protocol) === "Unsupported")
      at.error(
        "protocol",
        "invalid-protocol",
        `"${protocol}" is not a protocol; allowed are HTTP, HTTPS, TLS, TCP, …`,
      );
  });
}

function checkSelector({ workloadSelector, resolution = "NONE" }: ServiceEntry, findings: Findings): void {
  const labels = workloadSelector?.labels ?? {};
  checkLabels(labels, "workloadSelector.labels", findings);
  if (Object.keys(labels).length === 0)
    findings.warn("workloadSelector", "empty-selector", "selects every workload of the namespace");
  if (resolution !== "STATIC")
    findings.warn(
      "resolution",
      "no-effect",
      `${resolution} does not use the selected workloads; STATIC does`,
    );
}

function checkResolution(spec: ServiceEntry, findings: Findings): void {
  const { hosts, ports = [], endpoints = [], resolution = "NONE", workloadSelector } = spec;
  switch (resolution) {
    case "NONE":
      return;
    case "STATIC":
      if (endpoints.length === 0 && !workloadSelector)
        findings.warn(
          "endpoints",
          "no-endpoints",
          "is empty, as is workloadSelector; there is nowhere to go",
        );
      return;
    case "DNS":
    case "DNS_ROUND_ROBIN":
      hosts.forEach((host, i) => {
        if (endpoints.length > 0 || isFqdn(host)) return;
        findings.error(
          `hosts[${i}]`,
          "invalid-host",
          `"${host}" cannot be looked up; name a host, or endpoints`,
        );
      });
      return;
    case "DYNAMIC_DNS":
      if (endpoints.length > 0)
        findings.error("endpoints", "conflicting-fields", "must not be set with resolution DYNAMIC_DNS");
      each(ports, "ports", findings, ({ protocol = "TCP" }, at) => {
        const parsed = parseProtocol(protocol);
        if (!isHttp(parsed) && !isTls(parsed))
          at.error(
            "protocol",
            "invalid-protocol",
            `${protocol} names no host to look up; allowed are HTTP and TLS`,
          );
      });
  }
}

function checkEndpoint(
  endpoint: WorkloadEntry,
  portNames: ReadonlySet<string>,
  { ports = [], resolution = "NONE" }: ServiceEntry,
  findings: Findings,
): void {
  const { address } = endpoint;
  checkLabels(endpoint.labels, "labels", findings);
  for (const name of Object.keys(endpoint.ports ?? {}))
    if (!portNames.has(name))
      findings.error(`ports[${name}]`, "unknown-port", `"${name}" is none of the entry's ports`);
  if (address === undefined || address === "") {
    findings.warn("address", "missing-field", "is missing; the gateway of the network stands for it");
  } else if (address.startsWith("unix://")) {
    if (ports.length > 1)
      findings.error(
        "address",
        "invalid-address",
        "is a Unix socket, which serves one port; the entry has several",
      );
    if (resolution !== "STATIC")
      findings.error(
        "address",
        "invalid-address",
        `is a Unix socket; allowed with resolution STATIC, not ${resolution}`,
      );
  } else if (resolution === "STATIC" && isIP(address) === 0) {
    findings.error(
      "address",
      "invalid-address",
      `"${address}" is not an IP address; resolution STATIC needs one`,
    );
  } else if (resolution !== "STATIC" && isIP(address) === 0 && !isFqdn(address)) {
    findings.error("address", "invalid-address", `"${address}" is neither a host nor an IP address`);
  }
}

/** Without an address a TCP port can only be told by its number, which takes it from all other hosts. */
function warnOfTakenPorts({ ports = [] }: ServiceEntry, findings: Findings): void {
  each(ports, "ports", findings, ({ protocol = "TCP", number }, at) => {
    const parsed = parseProtocol(protocol);
    if (!isHttp(parsed) && !isTls(parsed))
      at.warn("", "takes-port", `takes port ${number} of all hosts, as the entry has no addresses`);
  });
}
