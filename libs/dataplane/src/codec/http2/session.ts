import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { Http2Settings } from "../../runtime/http2-settings.ts";
import type { ResetReason } from "../codec.ts";
import { CodecError } from "../error.ts";
import type { FlushQueue } from "../flush-queue.ts";
import { FloodGuard } from "./flood-guard.ts";
import { defaultWindow, errorCode, Http2Error, maxWindow, settingId } from "./frame.ts";
import { FrameParser, type FrameSink } from "./frame-parser.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { keepAlive } from "./keep-alive.ts";
import { type FieldLimits, MessageFields } from "./message-fields.ts";
import type { Http2Stream, StreamSession } from "./stream.ts";

/** What both sides of an HTTP/2 connection are made with. */
export interface SessionOptions extends FieldLimits {
  readonly http2: Http2Settings;
  readonly queue: FlushQueue;
  readonly clock: Clock;
}

/** One end of an HTTP/2 connection: frames, settings, windows, streams. What sides differ in is left to them. */
export abstract class Http2Session<S extends Http2Stream> implements FrameSink, StreamSession {
  readonly socket: Socket;
  readonly writer: FrameWriter;
  sendWindow = defaultWindow;
  protected readonly options: SessionOptions;
  protected readonly streams = new Map<number, S>();
  protected readonly guard: FloodGuard;
  protected readonly fields: MessageFields;
  protected closed = false;
  /** Of the other side. */
  protected peerStreamWindow = defaultWindow;
  protected peerMaxStreams = Number.POSITIVE_INFINITY;
  readonly #parser: FrameParser;
  readonly #decoder: HpackDecoder;
  readonly #waiting = new Set<Http2Stream>();
  #receiveWindow: number;
  #unacknowledged = 0;
  #dataStream: S | undefined;
  #dataEnds = false;
  /** Of the present DATA frame: padding, once the data has been taken off. */
  #dataLeft = 0;
  #retained = false;
  #onPong: (() => void) | undefined;

  constructor(socket: Socket, options: SessionOptions, server: boolean) {
    this.socket = socket;
    this.options = options;
    const { http2, queue, clock } = options;
    this.writer = new FrameWriter(socket, queue);
    this.guard = new FloodGuard(http2.limits);
    this.fields = new MessageFields(options);
    this.#decoder = new HpackDecoder(http2.tableSize);
    // A block may be larger than its fields by what names and values take to be told apart.
    this.#parser = new FrameParser(this, { server, maxBlockBytes: options.maxHeadBytes * 2 + 16_384 });
    this.#receiveWindow = Math.max(http2.connectionWindow, defaultWindow);
    if (!server) this.writer.preface();
    this.writer.settings([
      [settingId.headerTableSize, http2.tableSize],
      ...(server
        ? ([
            [settingId.maxConcurrentStreams, http2.maxConcurrentStreams],
            ...(http2.allowConnect ? ([[settingId.enableConnectProtocol, 1]] as const) : []),
          ] as const)
        : ([[settingId.enablePush, 0]] as const)),
      [settingId.initialWindowSize, http2.streamWindow],
    ]);
    if (this.#receiveWindow > defaultWindow) this.writer.windowUpdate(0, this.#receiveWindow - defaultWindow);
    socket.on("drain", this.#resume);
    if (http2.keepAlive !== undefined) socket.once("close", keepAlive(this, http2.keepAlive, clock));
  }

  /** A head, trailers, or something that is neither. */
  protected abstract onFields(streamId: number, endStream: boolean): void;
  /** The stream is not among those there are, and was not before: the other side must not speak of it. */
  protected abstract isIdle(streamId: number): boolean;
  /** The other side has reset a stream. */
  protected abstract onStreamReset(stream: S, code: number): void;
  protected abstract onStreamDone(): void;
  /** Settings of the other side have come. */
  protected abstract onPeerSettings(): void;
  /** The socket is to be closed; streams have been told. */
  protected abstract onFailure(): void;
  /** Pings are not answered any more. */
  public abstract onDead(): void;
  public abstract onGoaway(lastStreamId: number, code: number): void;

  /** Takes bytes read; true where it keeps a view on them. */
  receive(bytes: Buffer): boolean {
    this.#retained = false;
    try {
      this.#parser.execute(bytes);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.fail(error);
    }
    return this.#retained;
  }

  /** Sends a ping; `onPong` when it is answered. */
  ping(onPong: () => void): void {
    this.#onPong = onPong;
    this.writer.ping(pingPayload, false);
  }

  /** Tells the other side what it did wrong, and closes. */
  protected fail(error: Http2Error): void {
    if (this.closed) return;
    this.writer.goaway(this.lastStreamId, error.code);
    this.breakStreams({ kind: "protocol-error", error: new CodecError("http2-error", error.message) });
    this.writer.flush();
    this.onFailure();
  }

  /** The last stream of the other side that was looked at. */
  protected get lastStreamId(): number {
    return 0;
  }

  /** All streams end here. */
  protected breakStreams(reason: ResetReason): void {
    this.closed = true;
    const streams = [...this.streams.values()];
    this.streams.clear();
    this.#waiting.clear();
    for (const stream of streams) stream.broken(reason);
  }

  /** Breaks off one stream, whose other side is told. */
  protected streamError(stream: S, code: number, message: string): void {
    this.#forget(stream);
    this.writeReset(stream.id, code);
    stream.broken({ kind: "protocol-error", error: new CodecError("http2-error", message) });
    this.onStreamDone();
  }

  protected writeReset(streamId: number, code: number): void {
    this.writer.reset(streamId, code);
    this.guard.controlFrame(this.writer.full);
  }

  // StreamSession

  dataSent(bytes: number): void {
    this.sendWindow -= bytes;
    this.guard.dataFrameSent();
  }

  await(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  consumed(stream: Http2Stream | undefined, bytes: number): void {
    if (this.closed || bytes === 0) return;
    const { connectionWindow, streamWindow } = this.options.http2;
    this.#unacknowledged += bytes;
    if (this.#unacknowledged * 2 >= connectionWindow) {
      this.writer.windowUpdate(0, this.#unacknowledged);
      this.#receiveWindow += this.#unacknowledged;
      this.#unacknowledged = 0;
    }
    if (stream === undefined || stream.remoteEnded || stream.dead) return;
    stream.unacknowledged += bytes;
    if (stream.unacknowledged * 2 < streamWindow) return;
    this.writer.windowUpdate(stream.id, stream.unacknowledged);
    stream.receiveWindow += stream.unacknowledged;
    stream.unacknowledged = 0;
  }

  streamDone(stream: Http2Stream): void {
    if (this.#forget(stream)) this.onStreamDone();
  }

  #forget(stream: Http2Stream): boolean {
    this.#waiting.delete(stream);
    return this.streams.delete(stream.id);
  }

  resetStream(stream: Http2Stream, code: number): void {
    if (this.closed || !this.#forget(stream)) return;
    this.writer.reset(stream.id, code);
    this.onStreamDone();
  }

  /** There is room, or leave, to send: each stream that waits gets a frame in turn. */
  readonly #resume = () => {
    let progress = true;
    while (progress && this.#waiting.size > 0) {
      progress = false;
      for (const stream of [...this.#waiting]) {
        if (this.writer.full) return;
        const before = stream.sendWindow;
        if (!stream.sendWaiting()) this.#waiting.delete(stream);
        if (stream.sendWindow !== before) progress = true;
      }
    }
  };

  // FrameSink

  onDataFrame(streamId: number, flowLength: number, endStream: boolean): void {
    if (flowLength > 0) this.guard.fullFrame();
    this.#receiveWindow -= flowLength;
    if (this.#receiveWindow < 0)
      throw new Http2Error(errorCode.flowControlError, "the connection's window is exceeded");
    const stream = this.streams.get(streamId);
    this.#dataStream = stream;
    this.#dataEnds = endStream;
    this.#dataLeft = flowLength;
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw new Http2Error(errorCode.protocolError, "DATA on an idle stream");
      return;
    }
    stream.receiveWindow -= flowLength;
    if (!stream.headReceived) {
      this.#dataStream = undefined;
      this.onMalformed(streamId, "DATA before HEADERS");
      return;
    }
    if (stream.receiveWindow >= 0 && !stream.remoteEnded) return;
    const code = stream.remoteEnded ? errorCode.streamClosed : errorCode.flowControlError;
    this.streamError(stream, code, "more data than is allowed");
  }

  onDataPiece(piece: Buffer, last: boolean): void {
    const stream = this.#dataStream;
    this.#dataLeft -= piece.length;
    if (last && this.#dataLeft > 0) this.consumed(stream, this.#dataLeft); // padding
    if (stream === undefined) {
      this.consumed(undefined, piece.length);
      return;
    }
    const endStream = last && this.#dataEnds;
    if (stream.expectedBytes >= 0) {
      stream.expectedBytes -= piece.length;
      if (stream.expectedBytes < 0 || (endStream && stream.expectedBytes > 0)) {
        this.consumed(undefined, piece.length);
        this.#dataStream = undefined;
        this.onMalformed(stream.id, "body and content-length differ");
        return;
      }
    }
    if (stream.takeData(piece, endStream)) this.#retained = true;
  }

  onHeaderBlock(streamId: number, block: Buffer, endStream: boolean): void {
    if (block.length > 0) this.guard.fullFrame();
    this.fields.begin();
    this.#decoder.decode(block, this.fields);
    this.onFields(streamId, endStream);
  }

  /** A message makes no sense: its stream is reset, or the connection closed. */
  protected onMalformed(streamId: number, message: string): void {
    if (!this.options.http2.malformedResetsStream) throw new Http2Error(errorCode.protocolError, message);
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.streamError(stream, errorCode.protocolError, message);
    else this.writeReset(streamId, errorCode.protocolError);
  }

  onReset(streamId: number, code: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId))
        throw new Http2Error(errorCode.protocolError, "RST_STREAM of an idle stream");
      return;
    }
    this.#forget(stream);
    this.onStreamReset(stream, code);
    this.onStreamDone();
  }

  onSettings(payload: Buffer | undefined): void {
    if (payload === undefined) return;
    for (let at = 0; at < payload.length; at += 6)
      this.#setting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.writer.settingsAck();
    this.guard.controlFrame(this.writer.full);
    this.onPeerSettings();
    this.#resume();
  }

  #setting(id: number, value: number): void {
    switch (id) {
      case settingId.headerTableSize:
        this.writer.encoder.limitTable(value);
        return;
      case settingId.enablePush:
        if (value > 1) throw new Http2Error(errorCode.protocolError, "ENABLE_PUSH is neither 0 nor 1");
        return;
      case settingId.maxConcurrentStreams:
        this.peerMaxStreams = value;
        return;
      case settingId.initialWindowSize:
        if (value > maxWindow) throw new Http2Error(errorCode.flowControlError, "initial window too large");
        for (const stream of this.streams.values()) stream.sendWindow += value - this.peerStreamWindow;
        this.peerStreamWindow = value;
        return;
      case settingId.maxFrameSize:
        if (value < 16_384 || value > 16_777_215)
          throw new Http2Error(errorCode.protocolError, "frame size out of range");
        // Larger frames than everybody takes save next to nothing, and let one stream hold up the others.
        return;
      default: // unknown settings mean nothing, MAX_HEADER_LIST_SIZE is advice
    }
  }

  onPing(payload: Buffer, ack: boolean): void {
    if (ack) {
      this.#onPong?.();
      return;
    }
    this.writer.ping(payload, true);
    this.guard.controlFrame(this.writer.full);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.guard.windowUpdate();
    if (streamId === 0) {
      if (increment === 0) throw new Http2Error(errorCode.protocolError, "WINDOW_UPDATE of 0");
      this.sendWindow += increment;
      if (this.sendWindow > maxWindow) throw new Http2Error(errorCode.flowControlError, "window too large");
      this.#resume();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId))
        throw new Http2Error(errorCode.protocolError, "WINDOW_UPDATE of an idle stream");
      return;
    }
    stream.sendWindow += increment;
    if (increment === 0) this.streamError(stream, errorCode.protocolError, "WINDOW_UPDATE of 0");
    else if (stream.sendWindow > maxWindow)
      this.streamError(stream, errorCode.flowControlError, "window too large");
    else if (this.#waiting.has(stream)) this.#resume();
  }

  onPriority(): void {
    this.guard.priority();
  }

  onEmptyFrame(): void {
    this.guard.emptyFrame();
  }
}

const pingPayload = Buffer.from("weftping");
