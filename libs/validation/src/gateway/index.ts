import { isIP } from "node:net";
import type { Gateway, Server } from "@weft/istio-api";
import { type Config, isTls, parseProtocol } from "@weft/mesh-model";
import { each, type Findings } from "../findings.ts";
import {
  checkPort,
  isDnsLabel,
  isPartialWildcard,
  isUnixSocket,
  splitScope,
  wildcardDomainMessage,
} from "../names.ts";
import { duplicates } from "../values.ts";
import { checkServerTls } from "./server-tls.ts";

/** Checks a Gateway: https://istio.io/latest/docs/reference/config/networking/gateway/ */
export function checkGateway({ spec }: Config<Gateway>, findings: Findings): void {
  const servers = spec.servers ?? [];
  if (servers.length === 0)
    findings.error("servers", "no-servers", "is empty; a gateway has at least one server");
  each(servers, "servers", findings, checkServer);
  for (const name of duplicates(servers.map(({ port }) => port.name)))
    findings.error(
      "servers",
      "duplicate-port",
      `port name "${name}" stands more than once; name each port once`,
    );
}

function checkServer(server: Server, findings: Findings): void {
  if (server.hosts.length === 0)
    findings.error("hosts", "no-hosts", "is empty; name at least one host, or *");
  server.hosts.forEach((host, i) => {
    checkScopedHost(host, `hosts[${i}]`, findings);
  });
  checkServerPort(server, findings);
  const { tls, port, bind } = server;
  if (bind && isIP(bind) === 0 && !isUnixSocket(bind))
    findings.error(
      "bind",
      "invalid-address",
      `"${bind}" is not an address; allowed are IP addresses and unix://PATH`,
    );
  if (bind?.startsWith("unix://") && port.number !== 0)
    findings.error(
      "port.number",
      "invalid-port",
      `must be 0, not ${port.number}, as a Unix socket has no port`,
    );
  const protocol = parseProtocol(port.protocol);
  if (isTls(protocol) && tls === undefined)
    findings.error("tls", "missing-field", `is missing; protocol ${port.protocol} needs it`);
  else if (tls && !isTls(protocol) && !tls.httpsRedirect)
    findings.error(
      "tls",
      "conflicting-fields",
      `must not be set with protocol ${port.protocol}, but for httpsRedirect`,
    );
  if (tls?.httpsRedirect && isTls(protocol))
    findings.warn(
      "tls.httpsRedirect",
      "no-effect",
      "sends clients of plain HTTP to HTTPS; this server has none",
    );
  if (tls && isTls(protocol)) checkServerTls(tls, findings.at("tls"));
}

function checkServerPort({ port, bind }: Server, findings: Findings): void {
  if (port.name === "") findings.error("port.name", "missing-field", "must not be empty");
  if (parseProtocol(port.protocol) === "Unsupported" || parseProtocol(port.protocol) === "UDP") {
    const allowed = "HTTP, HTTPS, HTTP2, GRPC, GRPC-Web, TLS, TCP, Mongo, MySQL and Redis";
    findings.error(
      "port.protocol",
      "invalid-protocol",
      `"${port.protocol}" is not a protocol; allowed are ${allowed}`,
    );
  }
  if (!bind?.startsWith("unix://")) checkPort(port.number, "port.number", findings);
}

function checkScopedHost(entry: string, path: string, findings: Findings): void {
  const { scope, host } = splitScope(entry);
  if (scope !== undefined && scope !== "*" && scope !== "." && !isDnsLabel(scope))
    findings.error(
      path,
      "invalid-namespace",
      `"${scope}" is not a namespace; allowed are names, "." and "*"`,
    );
  const message = isIP(host) === 0 ? wildcardDomainMessage(host) : undefined;
  if (message !== undefined) findings.error(path, "invalid-host", message);
  else if (isPartialWildcard(host))
    findings.error(
      path,
      "invalid-host",
      `"${host}" has a * that is not a whole label; write *.${host.slice(1)}`,
    );
  else if (host !== "*" && !host.includes(".") && isIP(host) === 0)
    findings.error(path, "invalid-host", `"${host}" is a short name; a gateway needs whole ones`);
}
