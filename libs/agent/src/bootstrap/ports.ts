/** The ports of a sidecar, as Istio numbers them; https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio */
export interface AgentPorts {
  /** The proxy's admin API; 15000 */
  readonly admin: number;
  /** The agent's status server and merged metrics; 15020 */
  readonly status: number;
  /** Health checks, through the proxy; 15021 */
  readonly health: number;
  /** The proxy's own metrics; 15090 */
  readonly stats: number;
}

/** Where those ports are bound. */
export interface AgentAddresses {
  /** Address of the admin API and of what only the pod itself calls; `127.0.0.1` */
  readonly local: string;
  /** Address of what others may call: health and metrics; `0.0.0.0` */
  readonly public: string;
}
