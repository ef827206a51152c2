import { readFileSync } from "node:fs";
import { isIP, isIPv6 } from "node:net";
import { type DnsAddress, type DnsConfig, type Environment, parseResolvConf } from "@weft/agent";

/** Where the environment does not say all. */
export interface DnsDefaults {
  readonly namespace: string;
  /** DNS domain of the workload. */
  readonly domain: string;
  /** Address of what only the workload calls. */
  readonly local: string;
  /** `/etc/resolv.conf` unless told. */
  readonly resolvConf?: string;
}

const defaultPort = 15053;

/**
 * How DNS queries are answered, with Istio's variables: ISTIO_META_DNS_CAPTURE (`true`), DNS_PROXY_ADDR, DNS_FORWARD_PARALLEL. Undefined
 * where they are not. Throws where an address is none, or there is no resolv.conf to read.
 */
export function readDnsConfig(env: Environment, defaults: DnsDefaults): DnsConfig | undefined {
  if (env.ISTIO_META_DNS_CAPTURE !== "true") return undefined;
  const { namespace, domain, local, resolvConf = "/etc/resolv.conf" } = defaults;
  const { servers, search } = parseResolvConf(readResolvConf(resolvConf));
  return {
    addresses: addressesOf(env.DNS_PROXY_ADDR, local, servers),
    upstreams: servers,
    parallel: env.DNS_FORWARD_PARALLEL === "true",
    namespace,
    domain,
    search,
  };
}

function readResolvConf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { message } = error as Error; // of the file system
    throw new Error(`ISTIO_META_DNS_CAPTURE: the DNS servers to ask cannot be read: ${message}`, {
      cause: error,
    });
  }
}

/** `localhost:15053` is 127.0.0.1, and ::1 where the servers that are stood in for have such addresses. */
function addressesOf(
  given: string | undefined,
  local: string,
  servers: readonly DnsAddress[],
): readonly DnsAddress[] {
  const loopback = local === "127.0.0.1";
  if (!given && !loopback) return [{ address: local, port: defaultPort }];
  const text = given || `localhost:${defaultPort}`;
  const match = /^(?:\[(.*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  const known = host === "" || host === "localhost" || isIP(host) !== 0;
  if (!match || !known || port < 1 || port > 65535) {
    throw new Error(
      `DNS_PROXY_ADDR: ${text} is no address such as localhost:15053, 127.0.0.1:15053 or [::1]:15053`,
    );
  }
  if (host === "") return [{ address: "0.0.0.0", port }];
  if (host !== "localhost") return [{ address: host, port }];
  const six = servers.filter(({ address }) => isIPv6(address.split("%")[0] ?? ""));
  return [
    ...(six.length < servers.length || servers.length === 0 ? [{ address: "127.0.0.1", port }] : []),
    ...(six.length > 0 ? [{ address: "::1", port }] : []),
  ];
}
