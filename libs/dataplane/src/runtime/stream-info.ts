import type { Host } from "./cluster.ts";
import type { ConnectionInfo, SocketAddress, UpstreamIdentity } from "./connection.ts";
import type { HeaderMap } from "./headers.ts";
import type { HttpProtocol, RequestHead, ResponseHead } from "./request.ts";
import type { ClusterChoice, Route } from "./route.ts";

/**
 * Why a stream ended as it did, in Envoy's short words.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
export type ResponseFlag =
  | "DC" // downstream connection terminated
  | "DF" // DNS resolution failed
  | "DI" // delay injected
  | "DPE" // downstream protocol error
  | "DR" // downstream remote reset
  | "DT" // request or connection exceeded max duration
  | "FI" // fault injected
  | "IH" // invalid value for a strictly checked header
  | "LR" // connection local reset
  | "NC" // cluster not found
  | "NR" // no route, or no filter chain
  | "OM" // overload manager
  | "RL" // rate limited
  | "RLSE" // the rate limit service failed
  | "SI" // stream idle timeout
  | "UAEX" // denied by the external authorization service
  | "UC" // upstream connection termination
  | "UF" // upstream connection failure
  | "UH" // no healthy upstream
  | "UMSDR" // upstream max stream duration
  | "UO" // upstream overflow (circuit breaking)
  | "UPE" // upstream protocol error
  | "UR" // upstream remote reset
  | "URX" // retry or connect attempt limit exceeded
  | "UT"; // upstream request timeout

/**
 * All that is known about one HTTP stream, or one TCP connection. Filters write, access logs, statistics and header
 * formatters read. Times are monotonic milliseconds (`Clock.monotonic`), 0 while not yet reached.
 */
export class StreamInfo {
  readonly connection: ConnectionInfo;
  /** Wall clock, milliseconds since the epoch. */
  readonly startTime: number;
  readonly started: number;
  /** Last byte of the request received. */
  requestComplete = 0;
  upstreamFirstByteSent = 0;
  upstreamLastByteSent = 0;
  upstreamFirstByteReceived = 0;
  upstreamLastByteReceived = 0;
  downstreamFirstByteSent = 0;
  downstreamLastByteSent = 0;
  /** All done; set before access logs are written. */
  ended = 0;

  /** Undefined for TCP. */
  protocol: HttpProtocol | undefined;
  /** As the filters and the router left it; undefined for TCP and where no head could be read. */
  request: RequestHead | undefined;
  /** Path before any rewrite. */
  originalPath = "";
  response: ResponseHead | undefined;
  responseTrailers: HeaderMap | undefined;
  /** Empty where the connection manager makes none. */
  requestId = "";
  /** The other end as the proxy trusts it: from x-forwarded-for, the PROXY protocol or the socket. */
  remoteAddress: SocketAddress;

  route: Route | undefined;
  /** What the route chose among its clusters. */
  clusterChoice: ClusterChoice | undefined;
  upstreamCluster: string | undefined;
  /** Of the cluster that the route chose, by filter name; set where something asks for it. */
  upstreamClusterMetadata: Readonly<Record<string, unknown>> | undefined;
  upstreamHost: Host | undefined;
  upstreamLocalAddress: SocketAddress | undefined;
  /** Undefined without TLS. */
  upstreamIdentity: UpstreamIdentity | undefined;
  upstreamProtocol: HttpProtocol | undefined;
  /** Offered in upstream handshakes in place of what is configured: `envoy.network.application_protocols`. */
  upstreamApplicationProtocols: readonly string[] | undefined;
  upstreamTransportFailure: string | undefined;
  /** `name:port` that a filter has looked up, for clusters that make their hosts on demand. */
  dynamicHost: string | undefined;
  /** Tries sent upstream. */
  attempts = 0;

  /** Status of the response; 0 where none was sent. */
  responseCode = 0;
  readonly flags = new Set<ResponseFlag>();
  /** Envoy's response code details: `via_upstream`, `route_not_found`, … */
  details = "";
  /** Why the connection was closed, where a network filter did it; undefined elsewhere. */
  terminationDetails: string | undefined;
  /** Body bytes from downstream. */
  bytesReceived = 0;
  /** Body bytes to downstream. */
  bytesSent = 0;

  #responseCookies: string[] | undefined;
  #metadata: Map<string, Record<string, unknown>> | undefined;

  constructor(connection: ConnectionInfo, startTime: number, started: number) {
    this.connection = connection;
    this.startTime = startTime;
    this.started = started;
    this.remoteAddress = connection.remoteAddress;
  }

  /** `set-cookie` values that the router adds to the response; made when first asked for. */
  get responseCookies(): string[] {
    this.#responseCookies ??= [];
    return this.#responseCookies;
  }

  get hasResponseCookies(): boolean {
    return this.#responseCookies !== undefined;
  }

  /** Whether anything was noted in {@link metadata}. */
  get hasMetadata(): boolean {
    return ((this.#metadata ?? this.connection.metadata)?.size ?? 0) > 0;
  }

  /** Dynamic metadata by filter name, what network filters noted among it; made when first asked for. */
  get metadata(): Map<string, Record<string, unknown>> {
    this.#metadata ??= new Map(this.connection.metadata);
    return this.#metadata;
  }

  /** Flags joined by `,` in order of their setting; `-` where there is none. */
  get flagText(): string {
    return this.flags.size === 0 ? "-" : [...this.flags].join(",");
  }
}

/** Called once when a stream has ended. Must not throw. */
export type AccessLogger = (info: StreamInfo) => void;

/** A text with `%…%` operators, compiled; `-` stands for what is unknown, as in Envoy. */
export type StreamFormatter = (info: StreamInfo) => string;
