import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nodeHttp } from "@weft/base";
import type { Logger } from "./logger.ts";

/** What a route is given. */
export interface EndpointRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Address of the other side; empty where unknown. */
  readonly remoteAddress: string;
  /** The whole body; throws a {@link BodyTooLargeError} beyond {@link HttpEndpointOptions.maxBodyBytes}. */
  body(): Promise<Buffer>;
}

/** What a route answers. An object as `body` is sent as JSON. */
export interface EndpointReply {
  /** 200 unless told. */
  readonly status?: number;
  readonly contentType?: string;
  readonly body?: string | Uint8Array | object;
}

/** One path and its handler. A path that ends in `/*` takes all below it. */
export interface EndpointRoute {
  readonly path: string;
  /** GET (and HEAD) unless told. */
  readonly methods?: readonly string[];
  /** For the index of a debug server. */
  readonly help?: string;
  handle(request: EndpointRequest): EndpointReply | Promise<EndpointReply>;
}

/** Settings of {@link createHttpEndpoint}. */
export interface HttpEndpointOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly routes: readonly EndpointRoute[];
  readonly logger: Logger;
  /** Largest request body; 1 MiB unless told. */
  readonly maxBodyBytes?: number;
}

/** A running HTTP server for `/ready`, `/metrics`, `/debug` and the like. */
export interface HttpEndpoint {
  readonly host: string;
  /** The port that was bound. */
  readonly port: number;
  /** Stops accepting, ends idle connections, waits for requests in flight. Idempotent. */
  close(): Promise<void>;
}

/** The request's body is larger than the server takes. */
export class BodyTooLargeError extends Error {
  readonly code = "body-too-large";
}

/** The address could not be bound. `code` is Node's (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`). */
export class ListenError extends Error {
  readonly code: string;
  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const reasons: Record<string, string> = {
      EADDRINUSE: "the port is taken by another process",
      EACCES: "no permission to bind it",
      EADDRNOTAVAIL: "this machine has no such address",
    };
    super(`cannot listen on ${host}:${port}: ${reasons[cause.code ?? ""] ?? cause.message}`, { cause });
    this.name = "ListenError";
    this.code = cause.code ?? "UNKNOWN";
  }
}

/**
 * Starts an HTTP server for operators' pages. Bounded: 256 connections, 16 KiB of header, 30 s a request.
 * Throws a {@link ListenError} where the address cannot be bound.
 */
export async function createHttpEndpoint(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const { host, routes, logger, maxBodyBytes = 1 << 20 } = options;
  const server = nodeHttp().createServer({
    maxHeaderSize: 16 * 1024,
    requestTimeout: 30_000,
    headersTimeout: 10_000,
  });
  server.maxConnections = 256;
  server.on("request", (request, response) => {
    answer(request, response, routes, maxBodyBytes).catch((error: unknown) => {
      logger.error({ err: error, path: request.url }, "request failed");
      send(request, response, { status: 500, body: "internal error\n" });
    });
  });
  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo; // a TCP server's address
  let closed: Promise<void> | undefined;
  return {
    host,
    port,
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new ListenError(host, port, error)));
    server.listen({ host: host === "" ? "::" : host, port }, () => resolve());
  });
}

function find(routes: readonly EndpointRoute[], path: string): EndpointRoute | undefined {
  return (
    routes.find((route) => route.path === path) ??
    routes.find((route) => route.path.endsWith("/*") && path.startsWith(route.path.slice(0, -1)))
  );
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly EndpointRoute[],
  maxBodyBytes: number,
): Promise<void> {
  const url = URL.parse(request.url ?? "/", "http://endpoint");
  if (url === null) return send(request, response, { status: 400, body: "bad request target\n" });
  const route = find(routes, url.pathname);
  if (route === undefined) return send(request, response, { status: 404, body: "not found\n" });
  const method = request.method ?? "GET";
  const allowed = route.methods ?? ["GET", "HEAD"];
  if (!allowed.includes(method)) {
    response.setHeader("allow", allowed.join(", "));
    return send(request, response, {
      status: 405,
      body: `${method} is not allowed, use ${allowed.join(" or ")}\n`,
    });
  }
  try {
    const reply = await route.handle({
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      remoteAddress: request.socket.remoteAddress ?? "",
      body: () => readBody(request, maxBodyBytes),
    });
    send(request, response, reply);
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error;
    send(request, response, { status: 413, body: `${error.message}\n` });
  }
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLargeError(`the body is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(request: IncomingMessage, response: ServerResponse, reply: EndpointReply): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status = 200, body = "" } = reply;
  const plain = typeof body === "string" || body instanceof Uint8Array;
  const payload = plain ? Buffer.from(body) : Buffer.from(`${JSON.stringify(body, null, 2)}\n`);
  response.statusCode = status;
  response.setHeader(
    "content-type",
    reply.contentType ?? (plain ? "text/plain; charset=utf-8" : "application/json"),
  );
  response.setHeader("content-length", payload.length);
  response.setHeader("x-content-type-options", "nosniff");
  // A body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  response.end(request.method === "HEAD" ? undefined : payload);
}
