/** `outbound|9080|v1|reviews.default.svc.cluster.local`; the subset may be empty. */
export function backendName(port: number, subset: string, host: string): string {
  return `outbound|${port}|${subset}|${host}`;
}

/** `inbound|9080||`: the application's own port, whatever the services are called that select it. */
export function inboundBackendName(port: number): string {
  return `inbound|${port}||`;
}

/** SNI of a mesh connection: the backend's name in letters that DNS allows. */
export function backendSni(port: number, subset: string, host: string): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}

/** The parts of a name that {@link backendName} made; undefined for others. */
export function parseBackendName(
  name: string,
): { readonly port: number; readonly subset: string; readonly host: string } | undefined {
  const [direction, port, subset, host, ...rest] = name.split("|");
  if (direction !== "outbound" || subset === undefined || host === undefined || rest.length > 0)
    return undefined;
  return { port: Number(port), subset, host };
}

/** Backends that stand for no service. */
export const fixedBackends = {
  blackHole: "BlackHoleCluster",
  passthrough: "PassthroughCluster",
  inboundPassthrough: "InboundPassthroughCluster",
  /** Hosts of requests that no service stands for, where DNS says. */
  dynamicDns: "AllowAnyDynamicDNSCluster",
} as const;

/** An address as it stands in a host name with a port: IPv6 in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
