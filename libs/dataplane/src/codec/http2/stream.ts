import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import type { MessageReceiver, ResetReason, ResponseReceiver, StreamWriter } from "../codec.ts";
import { DataQueue } from "./data-queue.ts";
import { errorCode } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** Whoever takes a stream's message; those of responses say what became of a chunk. */
export type StreamReceiver = MessageReceiver | ResponseReceiver;

/** A connection as its streams see it. */
export interface StreamSession {
  readonly writer: FrameWriter;
  /** Bytes that all streams together may send now. */
  sendWindow: number;
  /** A DATA frame of so many bytes is about to be sent. */
  dataSent(bytes: number): void;
  /** The stream wants to hear when it may send again. */
  await(stream: Http2Stream): void;
  /** Bytes received on a stream are out of the way; undefined: of one that is gone. */
  consumed(stream: Http2Stream | undefined, bytes: number): void;
  /** Both sides have ended, or one has reset: forgets the stream. */
  streamDone(stream: Http2Stream): void;
  resetStream(stream: Http2Stream, code: number): void;
}

const empty = Buffer.alloc(0);

/** One request and its response on a connection: what is the same for both sides. */
export abstract class Http2Stream implements StreamWriter {
  readonly id: number;
  receiver: StreamReceiver | undefined;
  /** Bytes that this side may send; the other side may send. */
  sendWindow: number;
  receiveWindow: number;
  /** Bytes taken of which the other side has not been told. */
  unacknowledged = 0;
  /** The other side has sent its last frame; this side has. */
  remoteEnded = false;
  localEnded = false;
  /** The head of the other side's message is here. */
  headReceived = true;
  /** Reset by either side, or the connection is gone. */
  dead = false;
  /** Body bytes that the message's head says; -1: it does not. */
  expectedBytes = -1;
  protected readonly session: StreamSession;
  readonly #outgoing = new DataQueue();
  #incoming: DataQueue | undefined;
  #held = false;
  #blocked = false;

  constructor(session: StreamSession, id: number, sendWindow: number, receiveWindow: number) {
    this.session = session;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  // What comes in

  /** Takes a piece of DATA; true where a view on it is kept. */
  takeData(piece: Buffer, endStream: boolean): boolean {
    if (this.dead) {
      this.session.consumed(undefined, piece.length);
      return false;
    }
    if (endStream) this.remoteEnd();
    if (this.#held || this.#incoming !== undefined) {
      this.#incoming ??= new DataQueue();
      this.#incoming.add(piece, endStream);
      return true;
    }
    return this.#pass(piece, endStream);
  }

  takeTrailers(trailers: HeaderMap): void {
    if (this.dead) return;
    this.remoteEnd();
    if (this.#held || this.#incoming !== undefined) {
      this.#incoming ??= new DataQueue();
      this.#incoming.addTrailers(trailers);
    } else this.receiver?.onTrailers(trailers);
  }

  /** The other side's last frame is here. */
  remoteEnd(): void {
    this.remoteEnded = true;
    if (this.localEnded) this.session.streamDone(this);
  }

  /** What is not sent is not going to be: the other side is told. */
  protected dropOutgoing(): void {
    this.localEnded = true;
    this.#outgoing.clear();
    this.session.resetStream(this, errorCode.noError);
  }

  #pass(piece: Buffer, endStream: boolean): boolean {
    this.session.consumed(this, piece.length);
    return this.receiver?.onData(piece, endStream) !== "written";
  }

  hold(hold: boolean): void {
    this.#held = hold;
    const incoming = this.#incoming;
    if (hold || incoming === undefined) return;
    while (!this.#held && !this.dead && incoming.length > 0) {
      const piece = incoming.shift();
      this.#pass(piece, incoming.length === 0 && incoming.ended);
    }
    if (incoming.length > 0 || this.dead) return;
    this.#incoming = undefined;
    if (incoming.trailers !== undefined) this.receiver?.onTrailers(incoming.trailers);
  }

  /** The other side, or the connection, has ended the stream before its time. */
  broken(reason: ResetReason): void {
    if (this.dead) return;
    const { receiver } = this;
    this.kill();
    receiver?.onReset(reason);
  }

  /** Says nothing more to anybody. */
  kill(): void {
    this.dead = true;
    this.receiver = undefined;
    this.#outgoing.clear();
    if (this.#incoming === undefined) return;
    this.session.consumed(undefined, this.#incoming.bytes);
    this.#incoming = undefined;
  }

  // What goes out

  writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.localEnded || this.dead) return "written";
    if (this.#outgoing.length > 0) {
      this.#outgoing.add(chunk, endStream);
      return "full";
    }
    let rest = chunk;
    let outcome: WriteOutcome = "written";
    do {
      const size = this.#allowed(rest.length);
      if (size === 0 && rest.length > 0) {
        this.#outgoing.add(rest, endStream);
        this.#block();
        return "full";
      }
      const last = size === rest.length;
      const sent = this.#send(
        last && size === chunk.length ? chunk : rest.subarray(0, size),
        last && endStream,
      );
      if (sent === "full" || outcome === "written") outcome = sent;
      rest = rest.subarray(size);
    } while (rest.length > 0);
    if (outcome === "full") this.#block();
    return outcome;
  }

  #allowed(length: number): number {
    const { session } = this;
    const most = Math.min(length, this.sendWindow, session.sendWindow, session.writer.maxFrameSize);
    return Math.max(0, most);
  }

  #send(chunk: Buffer, endStream: boolean): WriteOutcome {
    this.sendWindow -= chunk.length;
    this.session.dataSent(chunk.length);
    const outcome = this.session.writer.data(this.id, chunk, endStream);
    if (endStream) this.localEnd();
    return outcome;
  }

  #block(): void {
    this.#blocked = true;
    this.session.await(this);
  }

  /** Sends one more frame of what waits, where there is leave to; true while more waits. */
  sendWaiting(): boolean {
    const outgoing = this.#outgoing;
    if (this.dead) return false;
    if (outgoing.length > 0) {
      const size = this.#allowed(outgoing.first.length);
      if (size === 0 && outgoing.first.length > 0) return true;
      const chunk = outgoing.shift(size);
      this.#send(chunk, outgoing.length === 0 && outgoing.ended);
      if (outgoing.length > 0) return true;
      if (outgoing.trailers !== undefined) this.#endWith(outgoing.trailers);
    }
    if (this.session.writer.full) return !this.localEnded;
    if (!this.#blocked) return false;
    this.#blocked = false;
    this.receiver?.onWritable();
    return this.#blocked; // what came of that may wait again
  }

  writeTrailers(trailers: HeaderMap): void {
    if (this.localEnded || this.dead) return;
    if (this.#outgoing.length > 0) this.#outgoing.addTrailers(trailers);
    else this.#endWith(trailers);
  }

  #endWith(trailers: HeaderMap): void {
    if (trailers.size === 0) {
      this.#send(empty, true);
      return;
    }
    this.session.writer.headers(this.id, noPseudoHeaders, trailers, true);
    this.localEnd();
  }

  /** The last frame is out. */
  protected localEnd(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.session.streamDone(this);
  }

  reset(): void {
    if (this.dead || (this.localEnded && this.remoteEnded && this.#incoming === undefined)) return;
    const done = this.localEnded && this.remoteEnded;
    this.kill();
    if (!done) this.session.resetStream(this, errorCode.cancel);
  }
}

const noPseudoHeaders: readonly string[] = [];
