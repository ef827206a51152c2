import { isIP } from "node:net";
import type { Findings } from "./findings.ts";

const label = /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const wildcardLabel = /^(\*|(\*|\*-)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;

/** Whether a text is a DNS label: https://www.rfc-editor.org/rfc/rfc1123#page-13 */
export function isDnsLabel(text: string): boolean {
  return label.test(text);
}

/** Whether a text is a DNS name; a dot at the end is allowed. */
export function isFqdn(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false;
  return text.replace(/\.$/, "").split(".").every(isDnsLabel);
}

/** Whether a text is a DNS name whose first label may be, or start with, a `*`. */
export function isWildcardDomain(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false;
  const [first = "", ...rest] = text.replace(/\.$/, "").split(".");
  return wildcardLabel.test(first) && rest.every(isDnsLabel);
}

/** What is wrong with a host name or wildcard; undefined where nothing is. */
export function wildcardDomainMessage(host: string): string | undefined {
  if (isWildcardDomain(host)) return undefined;
  return `"${host}" is not a host; allowed are DNS names, with * only as the first label`;
}

/** Whether a host has a `*` that is not a whole label, as in `*bar.com`. */
export function isPartialWildcard(host: string): boolean {
  return host.includes("*") && host !== "*" && !host.startsWith("*.");
}

/** Whether a text is an IP address, or one with the length of a prefix. */
export function isSubnet(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Whether a text names a Unix socket by an absolute path or an abstract name. */
export function isUnixSocket(text: string): boolean {
  return /^unix:\/\/(\/|@).*[^/]$/.test(text);
}

/** Checks a port that may be absent. */
export function checkPort(port: number | undefined, path: string, findings: Findings): void {
  if (port === undefined || (port >= 1 && port <= 65535)) return;
  findings.error(path, "invalid-port", `${port} is not a port; allowed are 1 to 65535`);
}

/** The parts of a `namespace/host` entry; `scope` is undefined where there is no slash. */
export function splitScope(entry: string): { readonly scope: string | undefined; readonly host: string } {
  const slash = entry.indexOf("/");
  if (slash < 0) return { scope: undefined, host: entry };
  return { scope: entry.slice(0, slash), host: entry.slice(slash + 1) };
}
