import * as grpc from "@grpc/grpc-js";
import type { EncodedResponse } from "./response.ts";

/** Bytes before a message: whether it is compressed, and its length. https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html */
export const frameHeadBytes = 5;

/** Writes the head of a frame that holds one message, uncompressed, into the space left for it. */
export function writeFrameHead(frame: Buffer): void {
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(frame.length - frameHeadBytes, 1);
}

/** The part of grpc-js's calls that is not in its types. */
interface SerializingCall {
  serializeMessage?(response: EncodedResponse): Buffer;
  /** What an interceptor stands around. */
  readonly nextCall?: SerializingCall;
}

/**
 * Sends responses with the frame that was made for all streams. grpc-js copies each message behind a head of its own, for every stream:
 * with large responses for many streams, that is most of the time and memory. Should a later version have no such method, it will
 * copy, and all else stays the same.
 */
export const sendFramed: grpc.ServerInterceptor = (_method, call) => {
  let serializing = call as unknown as SerializingCall; // not in its types
  // Credentials may have interceptors of their own, around the call proper.
  while (serializing.nextCall !== undefined) serializing = serializing.nextCall;
  if (serializing.serializeMessage !== undefined) serializing.serializeMessage = ({ frame }) => frame;
  return new grpc.ServerInterceptingCall(call);
};
