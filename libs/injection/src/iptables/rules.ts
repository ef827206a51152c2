import type { Cidr, IptablesConfig } from "./config.ts";

/** One of the two stacks; each has tables of its own. */
export type Family = "ipv4" | "ipv6";

/** A table of iptables that rules are in. */
export type Table = "nat" | "mangle" | "raw";

/** A rule to append: the arguments behind `-A CHAIN`. */
export interface Rule {
  readonly table: Table;
  readonly chain: string;
  readonly args: string;
}

const dnsPort = 15053;

/** Addresses that mean this: the pod itself; the source of the proxy's connections to the application. */
const own: Readonly<Record<Family, { readonly loopback: string; readonly passthrough: string }>> = {
  ipv4: { loopback: "127.0.0.1/32", passthrough: "127.0.0.6/32" },
  ipv6: { loopback: "::1/128", passthrough: "::6/128" },
};

/**
 * The rules of one family, in the order they are appended, as Istio's `istio-iptables` makes them:
 * `PREROUTING → ISTIO_INBOUND → ISTIO_IN_REDIRECT` to the port of inbound connections, `OUTPUT → ISTIO_OUTPUT →
 * ISTIO_REDIRECT` to that of outbound ones. What the proxy itself sends is left alone, by its user and group, so that
 * it does not come back to it.
 */
export function buildRules(config: IptablesConfig, family: Family): readonly Rule[] {
  return [
    ...excludedInterfaces(config),
    ...invalid(config),
    nat("ISTIO_INBOUND", `-p tcp --dport ${config.inboundTunnelPort} -j RETURN`),
    nat("ISTIO_REDIRECT", `-p tcp -j REDIRECT --to-ports ${config.proxyPort}`),
    nat("ISTIO_IN_REDIRECT", `-p tcp -j REDIRECT --to-ports ${config.inboundCapturePort}`),
    ...inbound(config, family),
    nat("OUTPUT", "-p tcp -j ISTIO_OUTPUT"),
    ...outbound(config, family),
    ...(config.redirectDns ? dnsOverUdp(config, family) : []),
  ];
}

function nat(chain: string, args: string): Rule {
  return { table: "nat", chain, args };
}

function mangle(chain: string, args: string): Rule {
  return { table: "mangle", chain, args };
}

function excludedInterfaces({ excludeInterfaces, mode }: IptablesConfig): readonly Rule[] {
  return excludeInterfaces.flatMap((name) => {
    const both = (make: typeof nat) => [
      make("PREROUTING", `-i ${name} -j RETURN`),
      make("OUTPUT", `-o ${name} -j RETURN`),
    ];
    return [...both(nat), ...(mode === "TPROXY" ? both(mangle) : [])];
  });
}

/** Packets that conntrack cannot place would pass the redirection by. */
function invalid({ dropInvalid }: IptablesConfig): readonly Rule[] {
  if (!dropInvalid) return [];
  return [
    mangle("PREROUTING", "-m conntrack --ctstate INVALID -j ISTIO_DROP"),
    mangle("ISTIO_DROP", "-j DROP"),
  ];
}

function inbound(config: IptablesConfig, family: Family): readonly Rule[] {
  const { mode, inboundPorts, inboundExcludePorts } = config;
  if (mode === "NONE" || inboundPorts.length === 0) return [];
  const tproxy = mode === "TPROXY";
  const rule = tproxy ? mangle : nat;
  /** What happens to packets that `match` holds of. */
  const capture = (match: string): readonly Rule[] =>
    tproxy
      ? [
          rule("ISTIO_INBOUND", `${match} -m conntrack --ctstate RELATED,ESTABLISHED -j ISTIO_DIVERT`),
          rule("ISTIO_INBOUND", `${match} -j ISTIO_TPROXY`),
        ]
      : [rule("ISTIO_INBOUND", `${match} -j ISTIO_IN_REDIRECT`)];
  return [
    ...(tproxy ? tproxyChains(config, family) : []),
    rule("PREROUTING", "-p tcp -j ISTIO_INBOUND"),
    ...(inboundPorts === "*"
      ? [
          ...inboundExcludePorts.map((port) => rule("ISTIO_INBOUND", `-p tcp --dport ${port} -j RETURN`)),
          ...capture("-p tcp"),
        ]
      : inboundPorts.flatMap((port) => capture(`-p tcp --dport ${port}`))),
  ];
}

/** Packets of connections that are accepted go to their sockets, others to the proxy's port; by a mark and a route. */
function tproxyChains(config: IptablesConfig, family: Family): readonly Rule[] {
  const { tproxyMark: mark, inboundCapturePort, inboundTunnelPort } = config;
  const { loopback } = own[family];
  return [
    mangle("ISTIO_INBOUND", `-p tcp --dport ${inboundTunnelPort} -j RETURN`),
    mangle("ISTIO_DIVERT", `-j MARK --set-mark ${mark}`),
    mangle("ISTIO_DIVERT", "-j ACCEPT"),
    mangle(
      "ISTIO_TPROXY",
      `! -d ${loopback} -p tcp -j TPROXY --tproxy-mark ${mark}/0xffffffff --on-port ${inboundCapturePort}`,
    ),
    // Answers from the proxy's own addresses go back by loopback, too.
    mangle("OUTPUT", `-p tcp -s ${loopback} ! -d ${loopback} -j MARK --set-xmark ${mark + 1}/0xffffffff`),
  ];
}

function outbound(config: IptablesConfig, family: Family): readonly Rule[] {
  const { loopback, passthrough } = own[family];
  const output = (args: string) => nat("ISTIO_OUTPUT", args);
  const { outboundExcludePorts, outboundExcludeCidrs, outboundPorts, redirectDns } = config;
  return [
    ...outboundExcludePorts.map((port) => output(`-p tcp --dport ${port} -j RETURN`)),
    output(`-o lo -s ${passthrough} -j RETURN`),
    ...config.proxyUids.flatMap((uid) => ofOwner(`--uid-owner ${uid}`, config, family).map(output)),
    ...config.proxyGids.flatMap((gid) => ofOwner(`--gid-owner ${gid}`, config, family).map(output)),
    ...ownerGroups(config).map(output),
    ...(redirectDns
      ? dnsDestinations(config, family).map((to) =>
          output(`-p tcp --dport 53${to} -j REDIRECT --to-ports ${dnsPort}`),
        )
      : []),
    output(`-d ${loopback} -j RETURN`),
    ...of(family, outboundExcludeCidrs).map(({ text }) => output(`-d ${text} -j RETURN`)),
    ...outboundPorts.map((port) => output(`-p tcp --dport ${port} -j ISTIO_REDIRECT`)),
    ...captured(config, family).flatMap((to) => [
      output(`${to === "" ? "" : `-d ${to} `}-j ISTIO_REDIRECT`),
      ...config.virtualInterfaces.map((name) =>
        nat("PREROUTING", `-i ${name} ${to === "" ? "" : `-d ${to} `}-j ISTIO_REDIRECT`),
      ),
    ]),
  ];
}

/** The destinations that are captured; an empty text: all. */
function captured({ outboundCidrs }: IptablesConfig, family: Family): readonly string[] {
  return outboundCidrs === "*" ? [""] : of(family, outboundCidrs).map(({ text }) => text);
}

function of(family: Family, cidrs: readonly Cidr[]): readonly Cidr[] {
  return cidrs.filter((one) => one.family === family);
}

/**
 * What the proxy sends, told by its owner: to an address of the pod other than loopback it comes from the application,
 * which called its own service, and goes to the proxy's inbound side; all else goes its way. What others send over
 * loopback stays there.
 */
function ofOwner(owner: string, config: IptablesConfig, family: Family): readonly string[] {
  const { loopback } = own[family];
  const { redirectDns, inboundTunnelPort, outboundCidrs } = config;
  const not = redirectDns
    ? `-m multiport ! --dports 53,${inboundTunnelPort}`
    : `! --dport ${inboundTunnelPort}`;
  const dns = redirectDns ? " -p tcp ! --dport 53" : "";
  const namesLoopback =
    outboundCidrs !== "*" && of(family, outboundCidrs).some(({ isLoopback }) => isLoopback);
  return [
    `-o lo ! -d ${loopback} -p tcp ${not} -m owner ${owner} -j ISTIO_IN_REDIRECT`,
    ...(namesLoopback ? [] : [`-o lo${dns} -m owner ! ${owner} -j RETURN`]),
    `-m owner ${owner} -j RETURN`,
  ];
}

function ownerGroups({ outboundOwnerGroups, outboundExcludeOwnerGroups }: IptablesConfig): readonly string[] {
  if (outboundOwnerGroups === "*") {
    return outboundExcludeOwnerGroups.map((group) => `-m owner --gid-owner ${group} -j RETURN`);
  }
  if (outboundOwnerGroups.length === 0) return [];
  return [`${outboundOwnerGroups.map((group) => `-m owner ! --gid-owner ${group}`).join(" ")} -j RETURN`];
}

/** Where DNS questions are captured that go to: ` -d SERVER` each; an empty text: wherever they go. */
function dnsDestinations({ captureAllDns, dnsServers }: IptablesConfig, family: Family): readonly string[] {
  return captureAllDns ? [""] : of(family, dnsServers).map(({ text }) => ` -d ${text}`);
}

/**
 * DNS over UDP goes to the agent. The agent's own questions go out from the same addresses, so conntrack keeps the two
 * apart by zones: else an answer of the server could be taken for one to the application.
 */
function dnsOverUdp(config: IptablesConfig, family: Family): readonly Rule[] {
  const { proxyUids, proxyGids } = config;
  const owners = [
    ...proxyUids.map((uid) => `-m owner --uid-owner ${uid}`),
    ...proxyGids.map((gid) => `-m owner --gid-owner ${gid}`),
  ];
  const chain = "ISTIO_OUTPUT_DNS";
  const raw = (name: string, args: string): Rule => ({ table: "raw", chain: name, args });
  const to = dnsDestinations(config, family);
  return [
    nat("OUTPUT", `-p udp -j ${chain}`),
    raw("OUTPUT", `-p udp -j ${chain}`),
    ...owners.map((owner) => nat(chain, `-p udp --dport 53 ${owner} -j RETURN`)),
    ...to.map((server) => nat(chain, `-p udp --dport 53${server} -j REDIRECT --to-ports ${dnsPort}`)),
    ...owners.flatMap((owner) => [
      raw(chain, `-p udp --dport 53 ${owner} -j CT --zone 1`),
      raw(chain, `-p udp --sport ${dnsPort} ${owner} -j CT --zone 2`),
    ]),
    ...to.map((server) => raw(chain, `-p udp --dport 53${server} -j CT --zone 2`)),
    raw("PREROUTING", "-p udp -j ISTIO_INBOUND"),
    ...to.map((server) =>
      raw("ISTIO_INBOUND", `-p udp --sport 53${server.replace("-d", "-s")} -j CT --zone 1`),
    ),
  ];
}
