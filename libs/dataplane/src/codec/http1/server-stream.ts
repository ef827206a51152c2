import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import type { HttpProtocol, ResponseHead } from "../../runtime/request.ts";
import type { MessageReceiver, ServerStream } from "../codec.ts";
import { hasNoBody } from "./framing.ts";
import type { MessageParser } from "./parser.ts";
import { serializeHeaders, statusLine } from "./serialize.ts";
import type { MessageWriter } from "./writer.ts";

/** A connection as its stream sees it. */
export interface StreamOwner {
  readonly writer: MessageWriter;
  readonly parser: MessageParser;
  readonly options: { readonly enableTrailers: boolean };
  /** No further request is taken: responses say so. */
  readonly draining: boolean;
  /** Goes on where the present exchange is over. */
  settle(): void;
  updateFlow(): void;
  close(): void;
}

const empty = Buffer.alloc(0);

type OutgoingFraming = "none" | "length" | "chunked" | "close" | "tunnel";

/** One request on a server connection, and the response to it. */
export class Http1ServerStream implements ServerStream {
  receiver: MessageReceiver | undefined;
  requestDone = false;
  responseDone = false;
  keepAlive: boolean;
  held = false;
  upgrading = false;
  readonly #connection: StreamOwner;
  readonly #method: string;
  readonly #protocol: HttpProtocol;
  #framing: OutgoingFraming | undefined;

  constructor(connection: StreamOwner, method: string, protocol: HttpProtocol, keepAlive: boolean) {
    this.#connection = connection;
    this.#method = method;
    this.#protocol = protocol;
    this.keepAlive = keepAlive;
  }

  closeAfterResponse(): void {
    this.keepAlive = false;
  }

  writeInformational(head: ResponseHead): void {
    if (this.#framing !== undefined || this.#protocol === "HTTP/1.0") return;
    this.#connection.writer.text(`${statusLine(head.status)}${serializeHeaders(head.headers)}\r\n`, true);
  }

  writeHead(head: ResponseHead, endStream: boolean): void {
    if (this.responseDone || this.#framing !== undefined) return;
    const tunnel =
      this.upgrading && (head.status === 101 || (this.#method === "CONNECT" && head.status < 300));
    if (this.upgrading && !tunnel) this.#refuseUpgrade();
    if (this.#connection.draining || (endStream && !this.requestDone && !tunnel)) this.keepAlive = false;
    this.#framing = tunnel ? "tunnel" : this.#chooseFraming(head, endStream);
    const last = endStream && !tunnel;
    this.#connection.writer.text(this.#serialize(head, tunnel), last);
    if (last) this.#done();
    else if (tunnel) {
      this.keepAlive = false;
      this.requestDone = false;
      this.#connection.parser.tunnel();
    }
  }

  /** The upstream will not switch protocols: then the request had no body. */
  #refuseUpgrade(): void {
    this.upgrading = false;
    this.requestDone = true;
    // What it sent after the head was meant for the other protocol.
    this.keepAlive = this.keepAlive && this.#connection.parser.heldBytes === 0;
    this.receiver?.onData(empty, true);
  }

  #chooseFraming(head: ResponseHead, endStream: boolean): OutgoingFraming {
    const { headers, status } = head;
    if (hasNoBody(this.#method, status)) return "none";
    if (headers.has("content-length")) return "length";
    if (endStream) {
      headers.append("content-length", "0");
      return "length";
    }
    if (this.#protocol === "HTTP/1.1") {
      headers.append("transfer-encoding", "chunked");
      return "chunked";
    }
    this.keepAlive = false;
    return "close";
  }

  #serialize(head: ResponseHead, tunnel: boolean): string {
    const text = statusLine(head.status) + serializeHeaders(head.headers);
    if (tunnel) return head.status === 101 ? `${text}connection: upgrade\r\n\r\n` : `${text}\r\n`;
    if (!this.keepAlive) return `${text}connection: close\r\n\r\n`;
    if (this.#protocol === "HTTP/1.0") return `${text}connection: keep-alive\r\n\r\n`;
    return `${text}\r\n`;
  }

  writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.responseDone) return "written";
    const { writer } = this.#connection;
    let outcome: WriteOutcome = "written";
    if (this.#framing === "chunked") outcome = writer.chunk(chunk, endStream);
    else if (this.#framing !== "none") outcome = writer.data(chunk, endStream);
    if (endStream) this.#done();
    return outcome;
  }

  writeTrailers(trailers: HeaderMap): void {
    if (this.responseDone) return;
    const { writer } = this.#connection;
    if (this.#framing === "chunked") {
      const send = this.#connection.options.enableTrailers;
      writer.text(`0\r\n${send ? serializeHeaders(trailers) : ""}\r\n`, true);
    } else writer.flush();
    this.#done();
  }

  #done(): void {
    this.#connection.writer.flush();
    this.responseDone = true;
    this.#connection.settle();
  }

  reset(): void {
    if (this.responseDone && this.requestDone) return;
    this.receiver = undefined;
    this.#connection.close();
  }

  hold(hold: boolean): void {
    if (this.requestDone && hold) return;
    this.held = hold;
    this.#connection.updateFlow();
  }
}
