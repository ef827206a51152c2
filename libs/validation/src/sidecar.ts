import { isIP } from "node:net";
import type { IstioEgressListener, IstioIngressListener, Sidecar } from "@weft/istio-api";
import { type Config, isHttp, isTls, parseProtocol } from "@weft/mesh-model";
import { checkConnectionPool } from "./destination-rule/traffic-policy.ts";
import { each, type Findings } from "./findings.ts";
import { checkServerTls } from "./gateway/server-tls.ts";
import { checkLabels } from "./labels.ts";
import {
  checkPort,
  isDnsLabel,
  isFqdn,
  isPartialWildcard,
  isUnixSocket,
  splitScope,
  wildcardDomainMessage,
} from "./names.ts";
import { duplicates } from "./values.ts";

/** Checks a Sidecar: https://istio.io/latest/docs/reference/config/networking/sidecar/ */
export function checkSidecar({ spec, namespace }: Config<Sidecar>, findings: Findings): void {
  const { ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = spec;
  if (ingress.length + egress.length === 0 && !outboundTrafficPolicy && !inboundConnectionPool)
    findings.error(
      "",
      "empty-sidecar",
      "is empty; set ingress, egress, outboundTrafficPolicy or inboundConnectionPool",
    );
  checkLabels(spec.workloadSelector?.labels, "workloadSelector.labels", findings);
  each(ingress, "ingress", findings, checkIngress);
  for (const number of duplicates(ingress.map(({ port }) => port.number)))
    findings.error(
      "ingress",
      "duplicate-port",
      `port ${number} stands more than once; listen on each port once`,
    );
  checkEgress(egress, namespace, findings);
  if (inboundConnectionPool) checkConnectionPool(inboundConnectionPool, findings.at("inboundConnectionPool"));
  if (outboundTrafficPolicy?.egressProxy)
    checkEgressProxy(outboundTrafficPolicy, findings.at("outboundTrafficPolicy"));
}

function checkIngress(listener: IstioIngressListener, findings: Findings): void {
  const { port, bind, captureMode, defaultEndpoint, tls, connectionPool } = listener;
  if (port.number === undefined) findings.error("port.number", "missing-field", "is missing; it must be set");
  checkPort(port.number, "port.number", findings);
  checkProtocol(port.protocol, findings);
  checkBind(bind, captureMode, findings);
  if (defaultEndpoint) checkDefaultEndpoint(defaultEndpoint, findings);
  if (tls) checkIngressTls(tls, port.protocol ?? "", findings.at("tls"));
  if (connectionPool) checkConnectionPool(connectionPool, findings.at("connectionPool"));
}

function checkIngressTls(
  tls: NonNullable<IstioIngressListener["tls"]>,
  protocol: string,
  findings: Findings,
): void {
  const { mode = "PASSTHROUGH" } = tls;
  if (mode !== "SIMPLE" && mode !== "MUTUAL" && mode !== "OPTIONAL_MUTUAL")
    findings.error(
      "mode",
      "unsupported-value",
      `${mode} is not supported here; allowed are SIMPLE and MUTUAL`,
    );
  const parsed = parseProtocol(protocol);
  if (!isTls(parsed) && !isHttp(parsed))
    findings.error(
      "",
      "conflicting-fields",
      `must not be set with protocol ${protocol}; allowed are HTTPS and TLS`,
    );
  for (const field of [
    "httpsRedirect",
    "subjectAltNames",
    "credentialName",
    "credentialNames",
    "tlsCertificates",
    "caCertCredentialName",
  ] as const) {
    const value = tls[field];
    if (Array.isArray(value) ? value.length > 0 : value)
      findings.error(
        field,
        "unsupported-field",
        "is not supported here; sidecars take certificates from files",
      );
  }
  checkServerTls(tls, findings);
}

function checkDefaultEndpoint(endpoint: string, findings: Findings): void {
  if (isUnixSocket(endpoint)) return;
  const parsed = /^(127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\[::\]):(\d{1,5})$/.exec(endpoint);
  const port = Number(parsed?.[2] ?? 0);
  if (port >= 1 && port <= 65535) return;
  const allowed = "127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT and unix://PATH";
  findings.error(
    "defaultEndpoint",
    "invalid-address",
    `"${endpoint}" is not an endpoint; allowed are ${allowed}`,
  );
}

function checkEgress(egress: readonly IstioEgressListener[], namespace: string, findings: Findings): void {
  each(egress, "egress", findings, (listener, at, i) => {
    const { port, bind, captureMode, hosts } = listener;
    if (hosts.length === 0) at.error("hosts", "no-hosts", "is empty; name at least one host, as ./*");
    hosts.forEach((host, n) => {
      checkEgressHost(host, `hosts[${n}]`, at);
    });
    const socket = bind?.startsWith("unix://") ?? false;
    if (port === undefined) {
      if (i < egress.length - 1)
        at.error("port", "missing-field", "may be left out only in the last listener");
      if (bind) at.error("bind", "conflicting-fields", "must not be set without a port");
    } else {
      checkProtocol(port.protocol, at);
      if (!socket && port.number === undefined)
        at.error("port.number", "missing-field", "is missing; it must be set");
      if (!(socket && port.number === 0)) checkPort(port.number, "port.number", at);
    }
    checkBind(bind, captureMode, at);
    checkShadowed(hosts, namespace, at);
  });
  const binds = egress.flatMap(({ port, bind = "" }) => (port ? [`${bind}|${port.number ?? 0}`] : []));
  for (const bind of duplicates(binds)) {
    const [address, number] = bind.split("|");
    const what = address ? `"${address}"` : `port ${number}`;
    findings.error("egress", "duplicate-port", `${what} stands more than once; listen on each once`);
  }
}

function checkEgressHost(entry: string, path: string, findings: Findings): void {
  const { scope, host } = splitScope(entry);
  if (scope === undefined)
    findings.error(
      path,
      "invalid-host",
      `"${entry}" has no namespace; write namespace/host, as ./* or */api.example.com`,
    );
  else if (!["*", ".", "~"].includes(scope) && !isDnsLabel(scope))
    findings.error(
      path,
      "invalid-namespace",
      `"${scope}" is not a namespace; allowed are names, ".", "*" and "~"`,
    );
  const message = wildcardDomainMessage(host);
  if (message !== undefined) findings.error(path, "invalid-host", message);
  else if (isPartialWildcard(host))
    findings.error(
      path,
      "invalid-host",
      `"${host}" has a * that is not a whole label; write *.${host.slice(1)}`,
    );
}

/** A host of a namespace says nothing beside all hosts of it. */
function checkShadowed(hosts: readonly string[], namespace: string, findings: Findings): void {
  const scopes = hosts
    .map((entry) => splitScope(entry).scope)
    .map((scope) => (scope === "." ? namespace : scope));
  const whole = new Set(scopes.filter((_, i) => splitScope(hosts[i] ?? "").host === "*"));
  hosts.forEach((entry, i) => {
    const scope = scopes[i];
    if (scope === "~" || scope === undefined) return;
    const cover = whole.has("*") && entry !== "*/*" ? "*" : scope;
    if (!whole.has(cover) || (cover === scope && splitScope(entry).host === "*")) return;
    findings.warn(`hosts[${i}]`, "no-effect", `"${entry}" is part of "${cover}/*"`);
  });
}

function checkProtocol(protocol: string | undefined, findings: Findings): void {
  if (protocol === undefined || protocol === "" || parseProtocol(protocol) !== "Unsupported") return;
  findings.error(
    "port.protocol",
    "invalid-protocol",
    `"${protocol}" is not a protocol; allowed are HTTP, HTTPS, …`,
  );
}

function checkBind(
  bind: string | undefined,
  captureMode: IstioEgressListener["captureMode"],
  findings: Findings,
): void {
  if (!bind) return;
  if (isIP(bind) === 0 && !isUnixSocket(bind))
    findings.error(
      "bind",
      "invalid-address",
      `"${bind}" is not an address; allowed are IP addresses and unix://PATH`,
    );
  if (
    bind.startsWith("unix://") &&
    captureMode !== undefined &&
    captureMode !== "DEFAULT" &&
    captureMode !== "NONE"
  )
    findings.error(
      "captureMode",
      "conflicting-fields",
      `must not be ${captureMode}: sockets cannot be captured`,
    );
}

function checkEgressProxy(policy: NonNullable<Sidecar["outboundTrafficPolicy"]>, findings: Findings): void {
  const { mode = "REGISTRY_ONLY", egressProxy } = policy;
  if (egressProxy === undefined) return;
  if (mode !== "ALLOW_ANY")
    findings.error(
      "egressProxy",
      "conflicting-fields",
      `must not be set with mode ${mode}; allowed with ALLOW_ANY`,
    );
  if (!isFqdn(egressProxy.host))
    findings.error(
      "egressProxy.host",
      "invalid-host",
      `"${egressProxy.host}" is not a host; allowed are DNS names`,
    );
  if (egressProxy.port?.number === undefined)
    findings.error("egressProxy.port.number", "missing-field", "is missing; it must be set");
  checkPort(egressProxy.port?.number, "egressProxy.port.number", findings);
}
