import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { ListenError, type Logger } from "@weft/observability";
import { type AdmissionRequest, parseReview, ReviewError, reviewVersion } from "./admission-review.ts";
import { parseInjectPath } from "./inject-path.ts";
import { type InjectorSettings, type PodReview, type ReviewOutcome, reviewPod } from "./review-pod.ts";

/** Settings of {@link startWebhookServer}. */
export interface WebhookServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly certificate: SecureContextOptions;
  /** As they are now. */
  readonly settings: () => InjectorSettings;
  readonly onReview?: (outcome: ReviewOutcome | "bad-request", seconds: number) => void;
  readonly logger: Logger;
}

/** A running webhook. */
export interface WebhookServer {
  readonly host: string;
  readonly port: number;
  /** New connections get this certificate. */
  useCertificate(certificate: SecureContextOptions): void;
  /** Stops accepting and waits for requests in flight. Idempotent. */
  close(): Promise<void>;
}

/** Two objects of the API server's largest size (3 MiB with JSON's escapes), and what is around them. */
const maxBodyBytes = 7 * 1024 * 1024;
const maxConnections = 512;
/** The API server waits 10 s by default, and 30 s at most. */
const requestTimeoutMs = 30_000;

/**
 * Serves the mutating webhook: `POST /inject`, with variables for the proxies behind it (`/inject/cluster/NAME`). What is no
 * AdmissionReview gets 400, what is too large 413, and is not read to its end.
 */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, logger, certificate } = options;
  const server = createServer({
    ...certificate,
    minVersion: "TLSv1.2",
    maxHeaderSize: 16 * 1024,
    requestTimeout: requestTimeoutMs,
    headersTimeout: 10_000,
    handshakeTimeout: 10_000,
  });
  server.maxConnections = maxConnections;
  server.on("request", (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      // The client has gone in the middle of its request: there is nobody to answer.
      if (response.destroyed || request.errored) return;
      logger.error({ err: error }, "a review failed");
      send(response, 500, { "content-type": "text/plain" }, "internal error\n");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new ListenError(host, options.port, error)));
    server.listen({ host: host === "" ? "::" : host, port: options.port }, resolve);
  });
  let closed: Promise<void> | undefined;
  return {
    host,
    port: (server.address() as AddressInfo).port, // a TCP server's address
    useCertificate: (next) => server.setSecureContext({ ...next, minVersion: "TLSv1.2" }),
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: WebhookServerOptions,
): Promise<void> {
  const started = performance.now();
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const refuse = (status: number, message: string) => {
    options.onReview?.("bad-request", (performance.now() - started) / 1000);
    // What has not been read would be taken for the next request.
    const headers = { "content-type": "text/plain; charset=utf-8", connection: "close" };
    send(response, status, headers, `${message}\n`);
  };
  if (path !== "/inject" && !path.startsWith("/inject/")) return refuse(404, "not found; pods go to /inject");
  if (request.method !== "POST") return refuse(405, `${request.method} is not allowed, use POST`);
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    return refuse(415, `content-type ${JSON.stringify(type)} is not understood, use application/json`);
  }
  const body = await readBody(request);
  if (body === undefined) return refuse(413, `the body is larger than ${maxBodyBytes} bytes`);
  let asked: AdmissionRequest;
  try {
    asked = parseReview(body);
  } catch (error) {
    if (error instanceof ReviewError) return refuse(400, error.message);
    throw error;
  }
  const review = reviewPod(asked, options.settings(), parseInjectPath(decodePath(path)));
  log(options.logger, asked, review);
  options.onReview?.(review.outcome, (performance.now() - started) / 1000);
  send(
    response,
    200,
    { "content-type": "application/json" },
    JSON.stringify({ apiVersion: reviewVersion, kind: "AdmissionReview", response: review.response }),
  );
}

function log(logger: Logger, { uid, namespace, object, dryRun }: AdmissionRequest, review: PodReview): void {
  const { name, generateName } = (object.metadata ?? {}) as Readonly<Record<string, unknown>>;
  const details = { uid, namespace, pod: name ?? generateName, dryRun };
  if (review.outcome === "refused")
    logger.warn({ ...details, reason: review.response.status?.message }, "refused");
  else logger.info(details, review.outcome);
}

/** Percent signs that encode nothing stay as they are. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // A path is a name here, and nothing is looked up by it.
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
