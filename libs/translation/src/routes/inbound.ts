import type { RouteTable } from "../ir/index.ts";
import { matchAll } from "./match.ts";

/** What an inbound route table is for. */
export interface InboundRouteInput {
  readonly backend: string;
  /** Host of the service, for traces; empty for ports that no service declares. */
  readonly host: string;
  /** Port of the service; 0 for ports that no service declares. */
  readonly port: number;
}

/** The route table of an inbound listener: everything goes to the application. */
export function buildInboundTable({ backend, host, port }: InboundRouteInput): RouteTable {
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
              // The application closed a kept-alive connection just as the request was sent: nothing has happened yet.
              retry: {
                attempts: 2,
                retryOn: "reset-before-request",
                statusCodes: [],
                avoidPreviousHosts: false,
              },
              hash: [],
              mirrors: [],
            },
          },
        ],
      },
    ],
  };
}
