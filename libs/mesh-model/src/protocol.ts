/** Application protocol of a service port, as Istio names them. `Unsupported` means: to be sniffed. */
export type Protocol =
  | "HTTP"
  | "HTTP2"
  | "HTTPS"
  | "HTTP_PROXY"
  | "GRPC"
  | "GRPC-Web"
  | "TCP"
  | "TLS"
  | "UDP"
  | "Mongo"
  | "Redis"
  | "MySQL"
  | "HBONE"
  | "Unsupported";

const byName: Readonly<Record<string, Protocol>> = {
  http: "HTTP",
  http2: "HTTP2",
  https: "HTTPS",
  http_proxy: "HTTP_PROXY",
  grpc: "GRPC",
  "grpc-web": "GRPC-Web",
  tcp: "TCP",
  tls: "TLS",
  udp: "UDP",
  mongo: "Mongo",
  redis: "Redis",
  mysql: "MySQL",
  hbone: "HBONE",
};

/** appProtocol values that Kubernetes defines: https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol */
const kubernetesAppProtocols: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "HTTP2",
  "kubernetes.io/ws": "HTTP",
  "kubernetes.io/wss": "HTTPS",
};

/** Ports of protocols in which the server speaks first, so that nothing can be sniffed: SMTP, DNS, MySQL, MongoDB. */
const serverFirstPorts: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** A protocol by its name in any case; `Unsupported` where there is none of that name. */
export function parseProtocol(name: string): Protocol {
  return byName[name.toLowerCase()] ?? "Unsupported";
}

/**
 * Selects the protocol of a Kubernetes service port: UDP by transport, else appProtocol, else the port's name up to
 * its first hyphen, else TCP on ports whose servers speak first, else to be sniffed.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
export function selectProtocol(port: {
  readonly port: number;
  readonly name?: string;
  readonly protocol?: string;
  readonly appProtocol?: string;
}): Protocol {
  if (port.protocol === "UDP") return "UDP";
  const known = port.appProtocol === undefined ? undefined : kubernetesAppProtocols[port.appProtocol];
  if (known !== undefined) return known;
  const name = port.appProtocol ?? port.name ?? "";
  if (name.toLowerCase().startsWith("grpc-web")) return "GRPC-Web";
  const protocol = parseProtocol(name.split("-", 1)[0] ?? "");
  return protocol === "Unsupported" && serverFirstPorts.has(port.port) ? "TCP" : protocol;
}

/** Whether Envoy handles the protocol with its HTTP connection manager. */
export function isHttp(protocol: Protocol): boolean {
  return (
    protocol === "HTTP" ||
    protocol === "HTTP2" ||
    protocol === "HTTP_PROXY" ||
    protocol === "GRPC" ||
    protocol === "GRPC-Web"
  );
}

/** Whether connections of this protocol start with a TLS handshake. */
export function isTls(protocol: Protocol): boolean {
  return protocol === "HTTPS" || protocol === "TLS";
}

/** Whether the protocol is not told and must be sniffed. */
export function isSniffed(protocol: Protocol): boolean {
  return protocol === "Unsupported";
}
