import type { HttpConnectionManagerConfig } from "@weft/dataplane/evaluate";
import { unpackAny } from "@weft/envoy-api";
import type { FilterChain as FilterChainMessage } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { RouteConfiguration } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import type { HttpConnectionManager } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { TcpProxy } from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { DownstreamTlsContext } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { compileDomains } from "@weft/matching";
import type { Call, CallResult } from "./case.ts";
import type { CompiledListener, CompiledMesh } from "./compiled-mesh.ts";

/** A call with the defaults of the folder's README filled in. */
type FullCall = Required<Omit<Call, "mtlsSecretConfigName">> & Pick<Call, "mtlsSecretConfigName">;

/** Walks a call through the proxy's own matchers: listener, filter chain, virtual host, route, cluster. */
export function evaluateCall(mesh: CompiledMesh, call: Call, proxyType: "sidecar" | "router"): CallResult {
  const full = withDefaults(call, proxyType);
  const listener = findListener(mesh, full);
  if (listener === undefined) return { error: "ErrNoListener" };
  const found = { listenerMatched: listener.config.name };
  const chain = listener.match(connectionOf(full, listener));
  if (chain === undefined) return { ...found, error: "ErrNoFilterChain" };
  const matched = { ...found, filterChainMatched: chain.name };
  const message = chainMessage(listener, chain.name, listener.config.filterChains.indexOf(chain));
  const tlsError = checkTls(full, message);
  if (tlsError !== undefined) return { ...matched, error: tlsError };
  const http = mesh.httpConfig(chain.serve);
  if (http === undefined) return { ...matched, ...tcpCluster(message) };
  if ((full.tls !== "plaintext" && message?.transportSocket === undefined) || full.protocol === "tcp") {
    return { ...matched, error: "ErrProtocolError" };
  }
  return { ...matched, ...evaluateRequest(mesh, full, http, routeConfiguration(mesh, message)) };
}

function withDefaults(call: Call, proxyType: "sidecar" | "router"): FullCall {
  // Only a TLS handshake carries a server name: a call that has one, and does not say more, is a TLS call.
  const tls = call.tls ?? (call.sni === undefined ? "plaintext" : "tls");
  const protocol = call.protocol ?? "tcp";
  const hostHeader = call.hostHeader ?? "";
  return {
    ...call,
    address: call.address ?? "1.3.3.7",
    path: call.path ?? "/",
    tls,
    protocol,
    hostHeader,
    sni: call.sni ?? (tls === "plaintext" ? "" : hostHeader),
    alpn: call.alpn ?? defaultAlpn(protocol, tls),
    headers: call.headers ?? {},
    callMode: call.callMode ?? (proxyType === "router" ? "gateway" : "outbound"),
  };
}

function defaultAlpn(protocol: FullCall["protocol"], tls: FullCall["tls"]): string {
  if (tls === "plaintext") return "";
  const names =
    tls === "tls"
      ? { http: "http/1.1", http2: "h2", tcp: "" }
      : { http: "istio-http/1.1", http2: "istio-h2", tcp: "istio" };
  return names[protocol];
}

function findListener(
  { listeners }: CompiledMesh,
  { callMode, address, port }: FullCall,
): CompiledListener | undefined {
  const named = (name: string) => listeners.find(({ config }) => config.name === name);
  const at = (host: string) =>
    listeners.find(({ config }) => config.addresses.some((one) => one.address === host && one.port === port));
  if (callMode === "inbound") return named("virtualInbound");
  return at(address) ?? at("0.0.0.0") ?? (callMode === "outbound" ? named("virtualOutbound") : undefined);
}

/** What inspection finds out: only what a listener filter of this listener looks for at this port. */
function connectionOf(call: FullCall, { config }: CompiledListener) {
  const looks = (kind: string) =>
    config.listenerFilters.some((filter) => filter.kind === kind && !filter.disabled(call.port));
  const encrypted = call.tls !== "plaintext" && looks("tls-inspector");
  const sniffed = call.tls === "plaintext" && call.protocol !== "tcp" && looks("http-inspector");
  const inspected = sniffed ? (call.protocol === "http2" ? "h2c" : "http/1.1") : "";
  const protocol = encrypted ? call.alpn : inspected;
  const source = { address: "10.9.9.9", port: 40_000 };
  return {
    destination: { address: call.address, port: call.port },
    source,
    directSourceAddress: source.address,
    serverName: encrypted ? call.sni.toLowerCase() : "",
    transportProtocol: encrypted ? ("tls" as const) : ("raw_buffer" as const),
    applicationProtocols: protocol === "" ? [] : [protocol],
  };
}

function chainMessage(
  { message }: CompiledListener,
  _name: string,
  index: number,
): FilterChainMessage | undefined {
  return index < 0 ? message.defaultFilterChain : message.filterChains[index];
}

/** What a handshake with the chain's TLS settings would come to. */
function checkTls(call: FullCall, chain: FilterChainMessage | undefined): string | undefined {
  const config = chain?.transportSocket?.configType;
  const unpacked = config?.case === "typedConfig" ? unpackAny(config.value) : undefined;
  if (unpacked === undefined) return undefined;
  if (call.tls === "plaintext") return "ErrTLSError";
  const tls = unpacked.message as DownstreamTlsContext; // a listener's transport socket here
  // A client of mutual TLS accepts only a server that does it, too, with the certificate it expects; a server that
  // asks for certificates with that of its own accepts no client of another kind.
  const [certificate] = tls.commonTlsContext?.tlsCertificateSdsSecretConfigs ?? [];
  const mutual =
    tls.requireClientCertificate === true && certificate?.name === (call.mtlsSecretConfigName ?? "default");
  return mutual === (call.tls === "mtls") ? undefined : "ErrMTLSError";
}

function lastFilter<M>(chain: FilterChainMessage | undefined): M | undefined {
  const config = chain?.filters.at(-1)?.configType;
  return config?.case === "typedConfig" ? (unpackAny(config.value)?.message as M | undefined) : undefined; // the caller knows the type
}

function tcpCluster(chain: FilterChainMessage | undefined): CallResult {
  const specifier = lastFilter<TcpProxy>(chain)?.clusterSpecifier;
  if (specifier?.case === "cluster") return { clusterMatched: specifier.value };
  const first = specifier?.case === "weightedClusters" ? specifier.value.clusters[0]?.name : undefined;
  return first === undefined ? {} : { clusterMatched: first };
}

function routeConfiguration(
  mesh: CompiledMesh,
  chain: FilterChainMessage | undefined,
): RouteConfiguration | undefined {
  const specifier = lastFilter<HttpConnectionManager>(chain)?.routeSpecifier;
  if (specifier?.case === "routeConfig") return specifier.value;
  return specifier?.case === "rds" ? mesh.routeMessage(specifier.value.routeConfigName) : undefined;
}

function evaluateRequest(
  _mesh: CompiledMesh,
  call: FullCall,
  http: HttpConnectionManagerConfig,
  message: RouteConfiguration | undefined,
): CallResult {
  const table = http.routes();
  if (table === undefined || message === undefined) return { error: "ErrNoRoute" };
  const named = { routeConfigMatched: table.name };
  const findHost = compileDomains(
    message.virtualHosts.map((host) => ({ domains: host.domains, value: host.name })),
    { ignorePort: message.ignorePortInHostMatching },
  );
  const virtualHost = findHost(call.hostHeader);
  if (virtualHost === undefined) return { ...named, error: "ErrNoVirtualHost" };
  const hosted = { ...named, virtualHostMatched: virtualHost };
  const route = table.match(requestOf(call), 0);
  if (route === undefined) return { ...hosted, error: "ErrNoRoute" };
  const host = message.virtualHosts.find(({ name }) => name === virtualHost);
  if (host?.requireTls !== 0 && call.tls === "plaintext") return { ...hosted, error: "ErrTLSRedirect" };
  const routed = { ...hosted, ...(route.name === "" ? {} : { routeMatched: route.name }) };
  if (route.action.kind !== "forward") return routed;
  return { ...routed, clusterMatched: route.action.pick(0, requestOf(call)).cluster };
}

function requestOf(call: FullCall) {
  const headers = new Map(
    Object.entries(call.headers).map(([name, values]) => [name.toLowerCase(), values.join(",")]),
  );
  const pseudo: Readonly<Record<string, string>> = {
    ":method": "GET",
    ":path": call.path,
    ":authority": call.hostHeader,
  };
  return {
    method: "GET",
    path: call.path,
    authority: call.hostHeader,
    scheme: call.tls === "plaintext" ? ("http" as const) : ("https" as const),
    header: (name: string) => pseudo[name] ?? headers.get(name),
  };
}
