import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What a handler may ask of a request. */
export interface ServiceRequest {
  readonly headers: IncomingHttpHeaders;
  /** Named parts of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The body as text; rejects with a {@link HttpError} 413 beyond 64 KiB. */
  body(): Promise<string>;
}

/** What a handler answers. An object as body is sent as JSON. */
export interface ServiceReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
}

/** Method and path (`GET /reviews/:id`) to handler; the first that matches answers. */
export type Routes = Readonly<
  Record<string, (request: ServiceRequest) => ServiceReply | Promise<ServiceReply>>
>;

/** Thrown by handlers to answer with a status and a message. */
export class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A service that listens. `close` lets open requests end first. */
export interface Service {
  readonly port: number;
  close(): Promise<void>;
}

const maxBodyBytes = 64 * 1024;

/** Starts an HTTP server for `routes`; without `port` it takes 9080, and any free port for 0. */
export async function startService(
  routes: Routes,
  options: {
    readonly host?: string | undefined;
    readonly port?: number;
    readonly log?: (line: string) => void;
  },
): Promise<Service> {
  const answer = compileRoutes(routes);
  const log = options.log ?? (() => {});
  const server = createServer((request, response) => {
    const started = performance.now();
    void answer(request).then((reply) => {
      const json = typeof reply.body === "object";
      const body = json ? JSON.stringify(reply.body) : `${reply.body ?? ""}`;
      response.writeHead(reply.status ?? 200, {
        "content-type": json ? "application/json" : "text/html; charset=utf-8",
        "content-length": Buffer.byteLength(body),
        ...reply.headers,
      });
      response.end(body);
      const took = (performance.now() - started).toFixed(1);
      log(
        `${request.method} ${request.url} ${response.statusCode} ${took}ms ${request.headers["x-request-id"] ?? "-"}`,
      );
    });
  });
  // Clients pool connections and choose when to close them; a server that closes an idle one races with the next request.
  server.keepAliveTimeout = 0;
  await listen(server, options.port ?? 9080, options.host);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

/** Runs a service as a process: HOST and PORT from `env`, a log line per request, a clean end on SIGTERM and SIGINT. */
export async function runService(name: string, routes: Routes, env: NodeJS.ProcessEnv): Promise<void> {
  const log = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);
  const service = await startService(routes, { host: env.HOST, port: Number(env.PORT ?? 9080), log });
  log(`${name} listens on ${env.HOST ?? "*"}:${service.port}`);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => void service.close().then(() => process.exit(0)));
  }
}

function compileRoutes(routes: Routes): (request: IncomingMessage) => Promise<ServiceReply> {
  const table = Object.entries(routes).map(([key, handler]) => {
    const [method = "", pathname = ""] = key.split(" ");
    return { method, pattern: new URLPattern({ pathname }), handler };
  });
  return async (request) => {
    const url = new URL(request.url ?? "/", "http://service");
    let allowed = false;
    for (const { method, pattern, handler } of table) {
      const match = pattern.exec({ pathname: url.pathname });
      if (match === null) continue;
      if (method !== request.method) {
        allowed = true;
        continue;
      }
      const params = Object.fromEntries(
        Object.entries(match.pathname.groups).map(([name, value]) => [name, decodeURIComponent(value ?? "")]),
      );
      try {
        return await handler({ headers: request.headers, params, body: () => readBody(request) });
      } catch (error) {
        if (error instanceof HttpError) return { status: error.status, body: { error: error.message } };
        process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
        return { status: 500, body: { error: "internal error" } };
      }
    }
    return allowed
      ? { status: 405, body: { error: `method ${request.method} is not allowed here` } }
      : { status: 404, body: { error: `nothing is at ${url.pathname}` } };
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw new HttpError(413, `body is larger than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
