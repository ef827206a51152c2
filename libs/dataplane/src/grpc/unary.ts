import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { CallCluster, ClusterOutcome } from "../runtime/cluster-call.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";

/** A service that the proxy itself asks, Envoy's GrpcService compiled. */
export interface GrpcTarget {
  readonly cluster: string;
  readonly authority: string;
  /** 0 for none. */
  readonly timeoutMs: number;
  /** Metadata of the call. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly callCluster: CallCluster;
}

const prefixBytes = 5;
const maxAnswerBytes = 256 * 1024;

/**
 * Calls a method once. `done` is called once, never before this returns; with undefined where there is no answer, or
 * none that can be read. The function that it gives cancels.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function callUnary<In extends DescMessage, Out extends DescMessage>(
  target: GrpcTarget,
  method: { readonly path: string; readonly input: In; readonly output: Out },
  message: MessageShape<In>,
  done: (response: MessageShape<Out> | undefined) => void,
): () => void {
  const { cluster, authority, timeoutMs, headers, callCluster } = target;
  const list = ["te", "trailers", "content-type", "application/grpc"];
  const head = new RequestHead("POST", method.path, authority, "HTTP/2", new HeaderMap(list));
  if (timeoutMs > 0) head.headers.append("grpc-timeout", `${Math.ceil(timeoutMs)}m`);
  for (const [name, value] of headers) head.headers.append(name, value);
  const body = frame(toBinary(method.input, message));
  return callCluster(cluster, { head, body, timeoutMs, maxResponseBytes: maxAnswerBytes }, (outcome) =>
    done(read(method.output, outcome)),
  );
}

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, prefixBytes);
  return framed;
}

function read<Out extends DescMessage>(output: Out, outcome: ClusterOutcome): MessageShape<Out> | undefined {
  if (outcome.kind !== "response" || outcome.status !== 200) return undefined;
  const { headers, trailers, body } = outcome;
  if ((trailers.first("grpc-status") ?? headers.first("grpc-status")) !== "0") return undefined;
  if (body.length < prefixBytes || body[0] !== 0 || body.readUInt32BE(1) !== body.length - prefixBytes)
    return undefined;
  try {
    return fromBinary(output, body.subarray(prefixBytes));
  } catch {
    // What cannot be read says nothing: the caller goes on as it does without an answer.
    return undefined;
  }
}
