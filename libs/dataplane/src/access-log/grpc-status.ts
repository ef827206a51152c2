import { grpcStatusNames } from "@weft/base";
import { isGrpc, toGrpcStatus } from "../http/local-reply.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";

/** As Envoy writes them unless told: `NotFound`; two are spelled otherwise than the rule has it. */
const camelNames = grpcStatusNames.map((name) => {
  if (name === "OK") return name;
  if (name === "CANCELLED") return "Canceled";
  return name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
});

/** The status of a gRPC call: of its trailers, else its head, else as its HTTP status means it. Undefined for others. */
export function grpcStatusOf(info: StreamInfo): number | undefined {
  if (info.request === undefined || !isGrpc(info.request)) return undefined;
  const text = info.responseTrailers?.first("grpc-status") ?? info.response?.headers.first("grpc-status");
  if (text !== undefined) return /^\d{1,9}$/.test(text) ? Number(text) : -1;
  return info.responseCode === 0 ? undefined : toGrpcStatus(info.responseCode);
}

/** `GRPC_STATUS(NUMBER)`, `(SNAKE_STRING)` or `(CAMEL_STRING)`, which is the default. */
export function grpcStatusText(format: string): (info: StreamInfo) => string | number | undefined {
  if (format === "NUMBER") return grpcStatusOf;
  const texts = format === "SNAKE_STRING" ? grpcStatusNames : camelNames;
  return (info) => {
    const status = grpcStatusOf(info);
    if (status === undefined) return undefined;
    return status < 0 ? "InvalidCode" : (texts[status] ?? String(status));
  };
}
