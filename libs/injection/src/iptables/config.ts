import { isIP } from "node:net";

/** How inbound connections come to the proxy; NONE: not at all, it is bound to their ports. */
export type InterceptionMode = "REDIRECT" | "TPROXY" | "NONE";

/** `*`, or what is named. */
export type All<T> = "*" | readonly T[];

/** An address range, and which family it is of. */
export interface Cidr {
  readonly text: string;
  readonly family: "ipv4" | "ipv6";
  readonly isLoopback: boolean;
}

/** What of a pod's traffic goes to its proxy. */
export interface IptablesConfig {
  /** Port of outbound connections. */
  readonly proxyPort: number;
  readonly inboundCapturePort: number;
  /** Port of HBONE, which is never captured. */
  readonly inboundTunnelPort: number;
  readonly proxyUids: readonly number[];
  readonly proxyGids: readonly number[];
  readonly mode: InterceptionMode;
  readonly tproxyMark: number;
  readonly tproxyRouteTable: number;
  readonly inboundPorts: All<number>;
  readonly inboundExcludePorts: readonly number[];
  readonly outboundCidrs: All<Cidr>;
  readonly outboundExcludeCidrs: readonly Cidr[];
  /** Captured wherever they go. */
  readonly outboundPorts: readonly number[];
  readonly outboundExcludePorts: readonly number[];
  /** Groups whose traffic is captured, and groups whose traffic is not; names or numbers. */
  readonly outboundOwnerGroups: All<string>;
  readonly outboundExcludeOwnerGroups: readonly string[];
  readonly excludeInterfaces: readonly string[];
  /** Interfaces of virtual machines in the pod: what comes from them counts as outbound. */
  readonly virtualInterfaces: readonly string[];
  readonly redirectDns: boolean;
  /** DNS to any server; else to those of resolv.conf. */
  readonly captureAllDns: boolean;
  readonly dnsServers: readonly Cidr[];
  readonly dropInvalid: boolean;
  /** IPv6 packets are treated as IPv4 ones are; else nothing is done about them. */
  readonly ipv6: boolean;
}

/** Istio's defaults. */
export const defaultIptablesConfig: IptablesConfig = {
  proxyPort: 15001,
  inboundCapturePort: 15006,
  inboundTunnelPort: 15008,
  proxyUids: [1337],
  proxyGids: [1337],
  mode: "REDIRECT",
  tproxyMark: 1337,
  tproxyRouteTable: 133,
  inboundPorts: [],
  inboundExcludePorts: [],
  outboundCidrs: [],
  outboundExcludeCidrs: [],
  outboundPorts: [],
  outboundExcludePorts: [],
  outboundOwnerGroups: "*",
  outboundExcludeOwnerGroups: [],
  excludeInterfaces: [],
  virtualInterfaces: [],
  redirectDns: false,
  captureAllDns: false,
  dnsServers: [],
  dropInvalid: false,
  ipv6: false,
};

/** The flags of `istio-iptables`, as texts. */
export interface IptablesFlags {
  readonly envoyPort?: string;
  readonly inboundCapturePort?: string;
  readonly inboundTunnelPort?: string;
  readonly proxyUid?: string;
  readonly proxyGid?: string;
  readonly istioInboundInterceptionMode?: string;
  readonly istioInboundTproxyMark?: string;
  readonly istioInboundTproxyRouteTable?: string;
  readonly istioInboundPorts?: string;
  readonly istioLocalExcludePorts?: string;
  readonly istioServiceCidr?: string;
  readonly istioServiceExcludeCidr?: string;
  readonly istioOutboundPorts?: string;
  readonly istioLocalOutboundPortsExclude?: string;
  readonly istioOutboundOwnerGroups?: string;
  readonly istioOutboundOwnerGroupsExclude?: string;
  readonly istioExcludeInterfaces?: string;
  readonly kubeVirtInterfaces?: string;
  readonly redirectDns?: boolean;
  readonly captureAllDns?: boolean;
  readonly dropInvalid?: boolean;
  readonly dualStack?: boolean;
}

/** What of the machine the rules hang on. */
export interface IptablesEnvironment {
  /** Name servers of resolv.conf. */
  readonly dnsServers: readonly string[];
  /** Whether an address of the pod is an IPv6 one. */
  readonly hasIpv6: boolean;
}

/** Reads the flags. Throws where one is wrong, naming it and what is allowed. */
export function readIptablesFlags(flags: IptablesFlags, environment: IptablesEnvironment): IptablesConfig {
  const none = defaultIptablesConfig;
  const mode = flags.istioInboundInterceptionMode || none.mode;
  if (mode !== "REDIRECT" && mode !== "TPROXY" && mode !== "NONE") {
    throw new Error(
      `--istio-inbound-interception-mode: "${mode}" is no mode, allowed are REDIRECT, TPROXY and NONE`,
    );
  }
  return {
    proxyPort: port("--envoy-port", flags.envoyPort, none.proxyPort),
    inboundCapturePort: port("--inbound-capture-port", flags.inboundCapturePort, none.inboundCapturePort),
    inboundTunnelPort: port("--inbound-tunnel-port", flags.inboundTunnelPort, none.inboundTunnelPort),
    proxyUids: ids("--proxy-uid", flags.proxyUid, none.proxyUids),
    proxyGids: ids("--proxy-gid", flags.proxyGid, none.proxyGids),
    mode,
    tproxyMark: id("--istio-inbound-tproxy-mark", flags.istioInboundTproxyMark ?? String(none.tproxyMark)),
    tproxyRouteTable: id(
      "--istio-inbound-tproxy-route-table",
      flags.istioInboundTproxyRouteTable ?? String(none.tproxyRouteTable),
    ),
    inboundPorts: all(flags.istioInboundPorts, (text) => port("--istio-inbound-ports", text)),
    inboundExcludePorts: list(flags.istioLocalExcludePorts, (text) =>
      port("--istio-local-exclude-ports", text),
    ),
    outboundCidrs: all(flags.istioServiceCidr, (text) => cidr("--istio-service-cidr", text)),
    outboundExcludeCidrs: list(flags.istioServiceExcludeCidr, (text) =>
      cidr("--istio-service-exclude-cidr", text),
    ),
    outboundPorts: list(flags.istioOutboundPorts, (text) => port("--istio-outbound-ports", text)),
    outboundExcludePorts: list(flags.istioLocalOutboundPortsExclude, (text) =>
      port("--istio-local-outbound-ports-exclude", text),
    ),
    outboundOwnerGroups: all(flags.istioOutboundOwnerGroups ?? "*", (text) => word("owner group", text)),
    outboundExcludeOwnerGroups: list(flags.istioOutboundOwnerGroupsExclude, (text) =>
      word("owner group", text),
    ),
    excludeInterfaces: list(flags.istioExcludeInterfaces, (text) => word("--istio-exclude-interfaces", text)),
    virtualInterfaces: list(flags.kubeVirtInterfaces, (text) => word("--kube-virt-interfaces", text)),
    redirectDns: flags.redirectDns ?? false,
    captureAllDns: flags.captureAllDns ?? false,
    dnsServers: environment.dnsServers.map((server) => cidr("nameserver", server)),
    dropInvalid: flags.dropInvalid ?? false,
    ipv6: flags.dualStack === true || environment.hasIpv6,
  };
}

function list<T>(text: string | undefined, read: (part: string) => T): readonly T[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(read);
}

function all<T>(text: string | undefined, read: (part: string) => T): All<T> {
  return text === "*" ? "*" : list(text, read);
}

function port(flag: string, text: string | undefined, fallback?: number): number {
  if (text === undefined && fallback !== undefined) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text ?? "") && value >= 1 && value <= 65535) return value;
  throw new Error(`${flag}: "${text}" is no port, allowed are 1 to 65535`);
}

function id(flag: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Error(`${flag}: "${text}" is no number`);
}

function ids(flag: string, text: string | undefined, fallback: readonly number[]): readonly number[] {
  const named = list(text, (part) => id(flag, part));
  return named.length > 0 ? named : fallback;
}

/** What goes into a rule as it is must be no rule of its own. */
function word(flag: string, text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,63}$/.test(text)) return text;
  throw new Error(`${flag}: "${text}" is no name`);
}

function cidr(flag: string, text: string): Cidr {
  const [address = "", length, more] = text.split("/");
  const kind = isIP(address);
  const longest = kind === 6 ? 128 : 32;
  const right =
    kind !== 0 &&
    more === undefined &&
    (length === undefined || (/^\d+$/.test(length) && Number(length) <= longest));
  if (!right) throw new Error(`${flag}: "${text}" is no address range such as 10.0.0.0/8`);
  return {
    text: `${address}/${length ?? longest}`,
    family: kind === 6 ? "ipv6" : "ipv4",
    isLoopback: kind === 6 ? address === "::1" : address.startsWith("127."),
  };
}
