import type { HeaderMap } from "../runtime/headers.ts";
import type { WriteOutcome } from "../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../runtime/request.ts";
import type { CodecError } from "./error.ts";

/**
 * The codec interface: HTTP messages on one side, a socket on the other. HTTP/1.1 is one implementation; whatever
 * multiplexes (HTTP/2) is another, and nothing outside this folder knows which it talks to.
 *
 * Calls come in the order head, data…, trailers or an `endStream`, and
 * after `onReset` none.
 */
export interface MessageReceiver {
  onData(chunk: Buffer, endStream: boolean): void;
  /** Ends the message. */
  onTrailers(trailers: HeaderMap): void;
  /** The message will not be finished. */
  onReset(reason: ResetReason): void;
  /** Room again after a `writeData` that gave `full`. */
  onWritable(): void;
}

/**
 * Why a stream broke off. `remote-close`, `remote-reset`: the connection was closed or reset; `stream-reset`: the other side gave
 * up this stream alone; `refused`: it says that it has not looked at it; `protocol-error`: it spoke nonsense;
 * `local-close`: this side closed the connection.
 */
export type ResetReason =
  | { readonly kind: "remote-close" | "remote-reset" | "stream-reset" | "refused" | "local-close" }
  | { readonly kind: "protocol-error"; readonly error: CodecError };

/** Takes a response: 1xx heads, then the head. */
export interface ResponseReceiver extends MessageReceiver {
  /** The chunk stands in the connection's read buffer; after any outcome but `written` that is not used again. */
  onData(chunk: Buffer, endStream: boolean): WriteOutcome;
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead, endStream: boolean): void;
}

/** The write side of a stream, and the tap of its read side. */
export interface StreamWriter {
  /** The chunk is taken in any case; after `full` hold off until `onWritable`. */
  writeData(chunk: Buffer, endStream: boolean): WriteOutcome;
  /** Ends the message. */
  writeTrailers(trailers: HeaderMap): void;
  /** Breaks off; no `onReset` follows. */
  reset(): void;
  /** Stops (true) and starts (false) the flow of data to the receiver. Does not nest; a chunk may still be under way. */
  hold(hold: boolean): void;
}

/** A request's stream on the server side: write the response to it. */
export interface ServerStream extends StreamWriter {
  writeInformational(head: ResponseHead): void;
  /** Once. `endStream`: there is no body. */
  writeHead(head: ResponseHead, endStream: boolean): void;
  /** HTTP/1: closes the connection after this response; it says so if its head is not written yet. */
  closeAfterResponse(): void;
}

/** What a server connection does with what it reads. */
export interface ServerHandler {
  /** A new request; `endStream`: it has no body. */
  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): MessageReceiver;
  /** A request whose head could not be read: the stream is there to be answered, and closes after that. */
  onBadRequest(stream: ServerStream, error: CodecError): void;
  /** A request that makes no sense, or is too large; it is reset (`DR`), or the connection is closed. */
  onUnreadableRequest(flag: "DPE" | "DR", details: string): void;
  /** The client broke the protocol in a way that there is no answer to; the connection closes. */
  onProtocolError(): void;
  /** Bytes of a request's head have come, and not all of it. */
  onPartialHead(): void;
  /** Nothing is under way any more. */
  onIdle(): void;
  /** The socket is closed; streams have been reset. */
  onClose(): void;
}

/** A downstream connection. */
export interface ServerConnection {
  /** Asks the client to use another connection: with each response, which is then the last, or with a frame of its own. */
  drain(): void;
  /** Closes once nothing is under way; takes no new requests. */
  finish(): void;
  /** Closes now. Streams under way are reset. */
  close(): void;
  /** The head that is under way takes too long: it is answered as a bad request. */
  expireHead(): void;
  /** True while a request or its response is under way. */
  readonly busy: boolean;
}

/** What a client connection tells its pool. */
export interface ClientHandler {
  /** A stream is done, or the other side takes more of them: {@link ClientConnection.room} may have changed. */
  onReusable(): void;
  /** Closed by either side. */
  onClose(): void;
}

/** An upstream connection. */
export interface ClientConnection {
  /** Streams that may be opened now; none once the connection is about to close. */
  readonly room: number;
  /** Streams under way. */
  readonly active: number;
  /** Takes bytes read; true where it keeps a view on them, so that the buffer must not be used again. */
  receive(bytes: Buffer): boolean;
  /** Sends a head; only where there is room. */
  request(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream;
  /** Closes now. A stream under way is reset. */
  close(): void;
}

/** A request's stream on the client side: write its body to it. */
export interface ClientStream extends StreamWriter {}
