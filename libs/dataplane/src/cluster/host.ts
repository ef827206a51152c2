import type { Host } from "../runtime/cluster.ts";
import type { EdsHealth, Endpoint, Locality } from "../runtime/cluster-config.ts";

/** What `/clusters` shows of a host. */
export interface HostFigures {
  cxTotal: number;
  cxActive: number;
  cxConnectFail: number;
  rqTotal: number;
  rqSuccess: number;
  rqError: number;
  rqTimeout: number;
}

/** Outcomes, for success rates. */
export interface OutcomeCount {
  success: number;
  total: number;
}

/** A host as its cluster holds it: the endpoint's configuration as last sent, with what was seen of it. */
export class ClusterHost implements Host {
  readonly address: string;
  readonly port: number;
  readonly key: string;
  activeRequests = 0;
  hostname: string;
  weight: number;
  health: EdsHealth;
  metadata: Readonly<Record<string, unknown>>;
  locality: Locality;
  priority: number;
  /** Monotonic milliseconds since when it may be used: it came then, or its health checks passed again. */
  healthySince = 0;
  /** Active health checks say that it is down. */
  failedHealthCheck = false;
  readonly figures: HostFigures = {
    cxTotal: 0,
    cxActive: 0,
    cxConnectFail: 0,
    rqTotal: 0,
    rqSuccess: 0,
    rqError: 0,
    rqTimeout: 0,
  };

  // Outlier detection
  ejected = false;
  /** Monotonic milliseconds. */
  ejectedUntil = 0;
  /** How often it was ejected; falls by one each interval without ejection. */
  ejections = 0;
  consecutive5xx = 0;
  consecutiveGatewayFailure = 0;
  consecutiveLocalOriginFailure = 0;
  /** Outcomes in the present interval: of answers, and (where those are split off) of connecting. */
  readonly answers: OutcomeCount = { success: 0, total: 0 };
  readonly localOrigin: OutcomeCount = { success: 0, total: 0 };

  constructor(endpoint: Endpoint, locality: Locality, priority: number, healthySince = 0) {
    this.healthySince = healthySince;
    this.address = endpoint.address;
    this.port = endpoint.port;
    this.key = hostKey(endpoint);
    this.hostname = endpoint.hostname;
    this.weight = endpoint.weight;
    this.health = endpoint.health;
    this.metadata = endpoint.metadata;
    this.locality = locality;
    this.priority = priority;
  }

  /** Takes over what a new assignment says; figures and ejection stay. */
  update(endpoint: Endpoint, locality: Locality, priority: number): void {
    this.hostname = endpoint.hostname;
    this.weight = endpoint.weight;
    this.health = endpoint.health;
    this.metadata = endpoint.metadata;
    this.locality = locality;
    this.priority = priority;
  }

  get healthy(): boolean {
    return this.health === "healthy" && !this.ejected && !this.failedHealthCheck;
  }

  get degraded(): boolean {
    return this.health === "degraded" && !this.ejected && !this.failedHealthCheck;
  }
}

/** Address and port, the identity of a host in its cluster. */
export function hostKey(endpoint: { readonly address: string; readonly port: number }): string {
  return endpoint.address.includes(":")
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}
