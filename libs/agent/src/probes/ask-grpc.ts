import type { Socket } from "node:net";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { GrpcProbe } from "./parse.ts";
import type { ProbeResult } from "./target.ts";

const checkPath = "/grpc.health.v1.Health/Check";
/** HealthCheckResponse.ServingStatus */
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;
const serving = 1;
/** A health check's answer has a few bytes. */
const maxAnswerBytes = 4_096;

/**
 * Asks by gRPC's health checking protocol, in plain text as the kubelet does. On Node's HTTP/2, as grpc-js cannot bind the address that
 * the connection is to come from. https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export async function askGrpc(
  { port, service, timeoutMs }: GrpcProbe,
  openConnection: () => Socket,
  userAgent: string | string[] | undefined,
): Promise<ProbeResult> {
  const { connect } = await import("node:http2");
  return new Promise((resolve) => {
    const session = connect(`http://localhost:${port}`, { createConnection: openConnection });
    const done = (result: ProbeResult) => {
      clearTimeout(timer);
      session.destroy();
      resolve(result);
    };
    const fail = (reason: string) => done({ status: 500, reason });
    const timer = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    session.on("error", (error) => fail(error.message));
    session.on("close", () => fail("the connection was closed"));
    const call = session.request({
      ":method": "POST",
      ":path": checkPath,
      "content-type": "application/grpc",
      te: "trailers",
      ...(typeof userAgent === "string" ? { "user-agent": userAgent } : {}),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let outcome: Readonly<Record<string, unknown>> = {};
    call.on("response", (headers) => {
      outcome = headers;
    });
    call.on("trailers", (trailers) => {
      outcome = { ...outcome, ...trailers };
    });
    call.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) fail(`the answer has more than ${maxAnswerBytes} bytes`);
      else chunks.push(chunk);
    });
    // A call that had no connection tells of that, and of why in its cause.
    call.on("error", (error) => fail((error.cause as Error | undefined)?.message ?? error.message));
    call.on("end", () => done(resultOf(outcome, Buffer.concat(chunks))));
    call.end(frame(service));
  });
}

/** A HealthCheckRequest as gRPC sends it: not compressed, its length, itself. */
function frame(service: string): Buffer {
  const message = service === "" ? Buffer.alloc(0) : new BinaryWriter().tag(1, 2).string(service).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function resultOf(headers: Readonly<Record<string, unknown>>, body: Buffer): ProbeResult {
  if (headers[":status"] !== 200) return { status: 500, reason: `HTTP status ${headers[":status"]}` };
  const code = String(headers["grpc-status"] ?? "none");
  if (code !== "0") {
    const message = decodeURIComponent(
      String(headers["grpc-message"] ?? "").replace(/%(?![0-9a-f]{2})/gi, "%25"),
    );
    const hint = code === "12" ? "the server has no grpc.health.v1.Health: " : "";
    return { status: 500, reason: `${hint}gRPC status ${code} ${message}`.trim() };
  }
  const status = servingStatus(body.subarray(5));
  if (status === serving) return { status: 200 };
  return { status: 500, reason: `the service is ${statusNames[status] ?? `of status ${status}`}` };
}

/** Field 1 of a HealthCheckResponse; 0 for bytes that are none. */
function servingStatus(message: Buffer): number {
  try {
    const reader = new BinaryReader(message);
    let status = 0;
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.Varint) status = reader.int32();
      else reader.skip(type);
    }
    return status;
  } catch {
    return 0; // no message: its status is unknown
  }
}
