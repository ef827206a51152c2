import type { IncomingMessage, ServerResponse } from "node:http";
import { nodeHttp } from "@weft/base";
import type { SocketAddress } from "../runtime/connection.ts";
import { certsEndpoint } from "./certs.ts";
import { clustersEndpoint } from "./clusters.ts";
import { configDumpEndpoint } from "./config-dump.ts";
import type { AdminEndpoint, AdminOptions, AdminReply } from "./endpoint.ts";
import { listenersEndpoint } from "./listeners.ts";
import { serverEndpoints } from "./server.ts";
import { statsEndpoints } from "./stats.ts";

export type { AdminOptions, ServerInfo } from "./endpoint.ts";

/** A running admin API. */
export interface Admin {
  /** With the port as bound. */
  readonly address: SocketAddress;
  close(): Promise<void>;
}

const help: AdminEndpoint = {
  path: "/help",
  help: "print out list of admin commands",
  handle: () => ({ text: `admin commands are:\n${listing()}` }),
};

/** All paths, in the order that `/help` lists them. https://www.envoyproxy.io/docs/envoy/latest/operations/admin */
const endpoints: readonly AdminEndpoint[] = [
  certsEndpoint,
  clustersEndpoint,
  configDumpEndpoint,
  help,
  listenersEndpoint,
  ...serverEndpoints,
  ...statsEndpoints,
].sort((a, b) => (a.path < b.path ? -1 : 1));
const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));

function listing(): string {
  return endpoints
    .map(({ path, help: text, mutates }) => `  ${path}${mutates === true ? " (POST)" : ""}: ${text}\n`)
    .join("");
}

/** Starts the admin API where the bootstrap says. Rejects where it cannot listen. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const server = nodeHttp().createServer((request, response) => {
    reply(request, options)
      .catch((error: unknown): AdminReply => {
        options.logger.error({ err: error, path: request.url }, "the admin API failed");
        return { status: 500, text: `${String(error)}\n` };
      })
      .then((answer) => write(response, answer))
      .catch((error: unknown) => response.destroy(error as Error));
  });
  const { address, port } = options.address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const onListening = () => {
      server.off("error", reject);
      resolve();
    };
    if (port === 0 && address.startsWith("/")) server.listen({ path: address }, onListening);
    else server.listen({ host: address, port }, onListening);
  });
  const bound = server.address();
  return {
    address:
      typeof bound === "object" && bound !== null
        ? { address: bound.address, port: bound.port }
        : options.address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function reply(request: IncomingMessage, options: AdminOptions): Promise<AdminReply> {
  const url = new URL(request.url ?? "/", "http://admin");
  const path = url.pathname === "/" ? "/help" : url.pathname;
  const endpoint = byPath.get(path);
  if (endpoint === undefined) {
    return { status: 404, text: `invalid path. admin commands are:\n${listing()}` };
  }
  const method = request.method ?? "GET";
  if (endpoint.mutates === true && method !== "POST") {
    return { status: 405, text: `Method ${method} not allowed, POST required.` };
  }
  return endpoint.handle({ path, query: url.searchParams }, options);
}

function write(response: ServerResponse, answer: AdminReply): void {
  const isJson = "json" in answer;
  const body = isJson ? `${JSON.stringify(answer.json, undefined, 1)}\n` : answer.text;
  const contentType = isJson ? "application/json" : (answer.contentType ?? "text/plain; charset=UTF-8");
  response.writeHead(answer.status ?? 200, {
    "content-type": contentType,
    "cache-control": "no-cache, max-age=0",
    "x-content-type-options": "nosniff",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
