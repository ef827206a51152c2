import type { Service } from "@weft/mesh-model";
import { hostPort } from "../names.ts";

/** What the Host header of requests to a service may say. */
export interface Domains {
  readonly all: readonly string[];
  /** Those of them that are short for the host name; another host's full name goes before them. */
  readonly short: ReadonlySet<string>;
}

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

/**
 * The domains of a service's virtual host, the full name first. With `port`, each also stands with the port behind it:
 * for tables in which the port of the Host header tells services apart.
 */
export function serviceDomains(service: Service, dnsDomain: string, port: number | undefined): Domains {
  const wildcard = service.hostname.startsWith("*");
  const withPort = (domain: string) => (port === undefined ? [domain] : [domain, hostPort(domain, port)]);
  // Resolvers also take the full name with a dot at its end.
  const full = wildcard ? [service.hostname] : [service.hostname, `${service.hostname}.`];
  const short = shortNames(service.hostname, dnsDomain);
  const names = [...full, ...short].flatMap(withPort);
  const headless = service.resolution === "Passthrough" && service.registry === "Kubernetes";
  const addresses = service.addresses.filter((address) => !address.includes("/")).flatMap(withPort);
  return {
    all: [...names, ...(headless ? names.map((domain) => `*.${domain}`) : []), ...addresses],
    short: new Set(short.flatMap(withPort)),
  };
}
