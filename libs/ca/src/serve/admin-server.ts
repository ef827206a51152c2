import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Authenticator } from "@weft/identity";
import { ListenError } from "@weft/observability";
import { type Certificate, parseCertificate } from "@weft/pki";

/** A running Connect server. */
export interface AdminServer {
  readonly port: number;
  /** New connections get this certificate from now on; without TLS nothing happens. */
  update(context: SecureContextOptions): void;
  close(): Promise<void>;
}

/** What an address of the network takes: a certificate of its own, and callers with one that may do this. */
export interface AdminTls {
  readonly context: SecureContextOptions;
  /** Finds out whose a client's certificate is, anew at each request. */
  readonly authenticator: Authenticator;
  /** Who may administer, as `NAMESPACE/SERVICE_ACCOUNT`. */
  readonly accounts: readonly string[];
}

/** Settings of {@link createAdminServer}. */
export interface AdminServerOptions {
  readonly host: string;
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  readonly tls?: AdminTls;
}

const loopback: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const limits = { maxHeaderSize: 16 * 1024, requestTimeout: 30_000 };

/**
 * Serves Connect over HTTP/1.1. Without TLS to this machine only, as there is no authentication: an address of the network is an error then.
 * On Kubernetes it is reached by `kubectl port-forward`, or with TLS by whoever has a certificate of an account that is listed.
 */
export async function createAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { host, port, routes, tls } = options;
  if (tls === undefined && !loopback.has(host)) {
    throw new Error(
      `administration on ${host || "all addresses"}: allowed are ${[...loopback].join(", ")}, or with TLS accounts that may administer`,
    );
  }
  const adapter = connectNodeAdapter({ routes, readMaxBytes: 64 * 1024 });
  const secure = tls && createSecureServer(tls, adapter);
  const server: Server = secure ?? createServer(limits, fromThisMachine(adapter));
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new ListenError(host, port, error)));
    server.listen({ port, ...(host === "" ? {} : { host }) }, () => resolve());
  });
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port, // a TCP server's address
    update: (context) => secure?.setSecureContext(context),
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

/** Refuses requests whose Host is not this machine, so that no web page can reach it by a DNS name that it controls. */
function fromThisMachine(next: Handler): Handler {
  return (request, response) => {
    const name = URL.parse(`http://${request.headers.host}`)?.hostname.replace(/^\[|\]$/g, "");
    if (name !== undefined && loopback.has(name)) return next(request, response);
    response.writeHead(421, { "content-type": "text/plain" }).end("this server is for this machine only\n");
  };
}

/** Takes connections whatever the client shows, and requests only of those who may administer. */
function createSecureServer({ context, authenticator, accounts }: AdminTls, next: Handler) {
  const settings = { requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.2" } as const;
  return createTlsServer(
    { ...limits, ...settings, handshakeTimeout: 10_000, ...context },
    (request, response) => {
      const refuse = (status: number, text: string) =>
        void response.writeHead(status, { "content-type": "text/plain" }).end(`${text}\n`);
      const certificate = certificateOf(request.socket as TLSSocket); // of a TLS server
      authenticator.authenticate(certificate === undefined ? {} : { certificate }).then(
        (result) => {
          if (result.kind !== "caller") return refuse(401, "a certificate of this mesh is needed");
          const { namespace, serviceAccount } = result.identity;
          if (!accounts.includes(`${namespace}/${serviceAccount}`))
            return refuse(403, "this account may not administer");
          return next(request, response);
        },
        () => refuse(401, "the certificate cannot be read"),
      );
    },
  );
}

function certificateOf(socket: TLSSocket): Certificate | undefined {
  const peer = socket.getPeerX509Certificate();
  if (peer === undefined) return undefined;
  try {
    return parseCertificate(peer.toString());
  } catch {
    return undefined;
  }
}
