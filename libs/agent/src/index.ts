export { type Agent, type AgentEnd, type AgentOptions, startAgent, writeBootstrap } from "./agent.ts";
export type { AgentAddresses, AgentPorts } from "./bootstrap/ports.ts";
export type { DnsConfig } from "./dns/dns-proxy.ts";
export { type DnsAddress, parseResolvConf } from "./dns/resolv-conf.ts";
export { maxZeroWaitMs } from "./drain.ts";
export { HttpCallError, type HttpCallOptions, httpCall } from "./http-client.ts";
export { hostDiscoveryMetadata } from "./node/host-discovery.ts";
export { type BootstrapNode, buildNode, type NodeOptions } from "./node/node.ts";
export { buildNodeMetadata, type Environment } from "./node/node-metadata.ts";
export { type ProxyConfig, parseProxyConfig } from "./node/proxy-config.ts";
export { type ParentView, watchParent } from "./parent-watch.ts";
export type { PilotChannelConfig } from "./pilot-channel.ts";
export { envoyCommand, type ProxyCommand, type ProxyCommandOptions, weftCommand } from "./proxy/command.ts";
export { type AppMetricsTarget, parseAppMetricsTargets } from "./status/app-metrics.ts";
export {
  type AppProbe,
  type AppProbes,
  type ProbeTarget,
  parseAppProbes,
  passthroughAddress,
} from "./status/app-probes.ts";
