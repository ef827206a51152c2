import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ListenError } from "@weft/observability";

/** A running Connect server. */
export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);

/**
 * Serves Connect over HTTP/1.1, to this machine only: there is no authentication, so an address of the network is an error. On Kubernetes it
 * is reached by `kubectl port-forward`. Requests whose Host is not this machine are refused, so that no web page can reach it by a DNS
 * name that it controls.
 */
export async function createAdminServer(options: {
  readonly host: string;
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
}): Promise<AdminServer> {
  const { host, port, routes } = options;
  if (!loopback.has(host)) {
    throw new Error(`administration on ${host || "all addresses"}: allowed are ${[...loopback].join(", ")}`);
  }
  const adapter = connectNodeAdapter({ routes, readMaxBytes: 64 * 1024 });
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 }, (request, response) => {
    const name = URL.parse(`http://${request.headers.host}`)?.hostname.replace(/^\[|\]$/g, "");
    if (name !== undefined && loopback.has(name)) return adapter(request, response);
    response.writeHead(421, { "content-type": "text/plain" }).end("this server is for this machine only\n");
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new ListenError(host, port, error)));
    server.listen({ host, port }, () => resolve());
  });
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port, // a TCP server's address
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}
