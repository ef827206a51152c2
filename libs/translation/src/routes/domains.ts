import { isIP } from "node:net";
import type { Service } from "@weft/mesh-model";
import { hostPort } from "../names.ts";

/**
 * Short names of a Kubernetes service as a client resolves them: the bare name only in the client's own namespace.
 * `dnsDomain` is the client's, `NAMESPACE.svc.DOMAIN`. Other hosts have no short names.
 */
export function shortNames(host: string, dnsDomain: string): readonly string[] {
  const [namespace = "", suffix] = splitAt(dnsDomain, ".svc.");
  const [qualified, hostSuffix] = splitAt(host, ".svc.");
  if (suffix === undefined || hostSuffix === undefined || suffix !== hostSuffix) return [];
  const [name = "", ...rest] = qualified.split(".");
  if (rest.length === 0) return [];
  return rest.join(".") === namespace
    ? [name, `${qualified}.svc`, qualified]
    : [qualified, `${qualified}.svc`];
}

function splitAt(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Who asks, and how a service is asked for. */
export interface DomainInput {
  /** DNS domain of the client, `NAMESPACE.svc.DOMAIN`. */
  readonly dnsDomain: string;
  /** Set where the port of the Host header tells services apart: each domain then also stands with it. */
  readonly port?: number;
  /** Further host names of the service (ExternalName services that stand for it). */
  readonly aliases?: readonly string[];
  /** Where clients find the service; its own addresses unless told. */
  readonly addresses?: readonly string[];
}

/** What the Host header of requests to a service may say, the full name first. */
export function serviceDomains(
  service: Service,
  { dnsDomain, port, aliases = [], addresses: at = service.addresses }: DomainInput,
): readonly string[] {
  const withPort = (domain: string) => (port === undefined ? [domain] : [domain, hostPort(domain, port)]);
  // Resolvers also take the full name with a dot at its end.
  const full = (host: string) => (host.startsWith("*") ? [host] : [host, `${host}.`]);
  const hosts = [service.hostname, ...aliases];
  const names = hosts.flatMap((host) => [...full(host), ...shortNames(host, dnsDomain)]).flatMap(withPort);
  const headless = service.resolution === "Passthrough" && service.registry === "Kubernetes";
  const addresses = at
    .filter((address) => !address.includes("/"))
    .flatMap(withPort)
    // A Host header writes an IPv6 address so.
    .map((domain) => (isIP(domain) === 6 ? `[${domain}]` : domain));
  return [...names, ...(headless ? names.map((domain) => `*.${domain}`) : []), ...addresses];
}
