import type { RetryPolicy, RouteTable } from "../ir/index.ts";
import { matchAll } from "./match.ts";

/** What an inbound route table is for. */
export interface InboundRouteInput {
  readonly backend: string;
  /** Host of the service, for traces; empty for ports that no service declares. */
  readonly host: string;
  /** Port of the service; 0 for ports that no service declares. */
  readonly port: number;
  /** Absent where requests are tried once. */
  readonly retry?: RetryPolicy;
}

/** The route table of an inbound listener: everything goes to the application. */
export function buildInboundTable({ backend, host, port, retry }: InboundRouteInput): RouteTable {
  return {
    name: backend,
    direction: "inbound",
    ignorePort: false,
    virtualHosts: [
      {
        name: `inbound|http|${port}`,
        domains: ["*"],
        countAttempts: false,
        requireTls: false,
        origin: [],
        routes: [
          {
            name: "default",
            match: matchAll,
            operation: `${host}:${port}/*`,
            action: {
              kind: "forward",
              destinations: [{ backend, weight: 1 }],
              timeoutMs: 0,
              grpcTimeout: { kind: "stream-duration" },
              ...(retry ? { retry } : {}),
              hash: [],
              mirrors: [],
            },
          },
        ],
      },
    ],
  };
}
