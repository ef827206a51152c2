import { createServer } from "node:http";
import {
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  CheckRequestSchema,
  CheckResponseSchema,
} from "@weft/envoy-api/envoy/service/auth/v3/external_auth_pb.js";

/** For tests: a server that decides, what it was asked, by the case that the request names. */
export interface TestAuthorizer {
  readonly port: number;
  readonly asked: ReadonlyMap<string, unknown>;
  close(): Promise<void>;
}

const portOf = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port; // it listens on TCP
};

/** For tests: an answer over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

/** For tests: answers over HTTP what `answers` has under the header `x-want`; undefined breaks off. */
export async function startHttpAuthorizer(
  answers: Readonly<Record<string, HttpAnswer | undefined>>,
): Promise<TestAuthorizer> {
  const asked = new Map<string, unknown>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.set(String(headers["x-case"]), { method, url, headers, body: Buffer.concat(chunks).toString() });
      const answer = answers[String(headers["x-want"])];
      if (answer === undefined) request.socket.destroy();
      else response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  const port = await portOf(server);
  return {
    port,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** For tests: answers over gRPC what `decide` gives as JSON of a CheckResponse; a number is a gRPC status. */
export async function startGrpcAuthorizer(
  decide: (request: Record<string, unknown>) => JsonValue | number | "never",
): Promise<TestAuthorizer> {
  const asked = new Map<string, unknown>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {}); // resets are part of the tests
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const message = fromBinary(CheckRequestSchema, Buffer.concat(chunks).subarray(5));
      const json = toJson(CheckRequestSchema, message) as Record<string, unknown>; // an object, of a message
      asked.set(message.attributes?.request?.http?.headers["x-case"] ?? "", json);
      const answer = decide(json);
      if (answer === "never") return;
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () =>
        stream.sendTrailers({ "grpc-status": typeof answer === "number" ? String(answer) : "0" }),
      );
      if (typeof answer === "number") stream.end();
      else {
        const bytes = toBinary(CheckResponseSchema, fromJson(CheckResponseSchema, answer));
        const prefix = Buffer.alloc(5);
        prefix.writeUInt32BE(bytes.length, 1);
        stream.end(Buffer.concat([prefix, bytes]));
      }
    });
  });
  const port = await portOf(server);
  return {
    port,
    asked,
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
