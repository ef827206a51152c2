import {
  clientPreface,
  defaultMaxFrameSize,
  errorCode,
  frameFlag,
  frameHeaderBytes,
  frameType,
  Http2Error,
} from "./frame.ts";

/** Takes frames as they come in. Buffers are views that hold for the call. */
export interface FrameSink {
  /** A DATA frame begins; `flowLength`, padding and all, counts against the windows. */
  onDataFrame(streamId: number, flowLength: number, endStream: boolean): void;
  /** A piece of the frame that began last. `last`: the frame has no more. */
  onDataPiece(piece: Buffer, last: boolean): void;
  /** A whole header block. */
  onHeaderBlock(streamId: number, block: Buffer, endStream: boolean): void;
  onReset(streamId: number, code: number): void;
  /** The payload of a SETTINGS frame; undefined for an acknowledgement. */
  onSettings(payload: Buffer | undefined): void;
  onPing(payload: Buffer, ack: boolean): void;
  onGoaway(lastStreamId: number, code: number): void;
  onWindowUpdate(streamId: number, increment: number): void;
  onPriority(): void;
  /** A frame of DATA, HEADERS or CONTINUATION that carries nothing and ends nothing. */
  onEmptyFrame(): void;
}

const empty = Buffer.alloc(0);

/** Cuts the bytes of a connection into frames. https://www.rfc-editor.org/rfc/rfc9113#section-4 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #maxBlockBytes: number;
  /** Bytes of the preface that are still to come. */
  #prefaceLeft: number;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerLength = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Of a payload that comes in pieces: what is here, and how much of it. */
  #payload: Buffer | undefined;
  #filled = 0;
  #payloadLength = 0;
  /** Of a DATA frame: bytes of data and of padding to come. */
  #dataLeft = -1;
  #paddingLeft = 0;
  #blockStream = 0;
  #blockEnds = false;
  #fragments: Buffer[] = [];
  #blockBytes = 0;

  /** `maxBlockBytes`: the largest header block that is put together. */
  constructor(sink: FrameSink, options: { readonly server: boolean; readonly maxBlockBytes: number }) {
    this.#sink = sink;
    this.#maxBlockBytes = options.maxBlockBytes;
    this.#prefaceLeft = options.server ? clientPreface.length : 0;
  }

  /** @throws {Http2Error} */
  execute(bytes: Buffer): void {
    let at = this.#prefaceLeft > 0 ? this.#skipPreface(bytes) : 0;
    while (at < bytes.length) {
      if (this.#dataLeft >= 0) at = this.#readData(bytes, at);
      else if (this.#payload !== undefined) at = this.#fillPayload(bytes, at, this.#payload);
      else at = this.#readHeader(bytes, at);
    }
  }

  #skipPreface(bytes: Buffer): number {
    const start = clientPreface.length - this.#prefaceLeft;
    const count = Math.min(this.#prefaceLeft, bytes.length);
    if (bytes.compare(clientPreface, start, start + count, 0, count) !== 0)
      throw new Http2Error(errorCode.protocolError, "the client preface is missing");
    this.#prefaceLeft -= count;
    return count;
  }

  #readHeader(bytes: Buffer, start: number): number {
    if (this.#headerLength === 0 && bytes.length - start >= frameHeaderBytes) {
      this.#beginFrame(bytes, start);
      return this.#payloadInPlace(bytes, start + frameHeaderBytes);
    }
    const count = Math.min(frameHeaderBytes - this.#headerLength, bytes.length - start);
    bytes.copy(this.#header, this.#headerLength, start, start + count);
    this.#headerLength += count;
    if (this.#headerLength < frameHeaderBytes) return start + count;
    this.#headerLength = 0;
    this.#beginFrame(this.#header, 0);
    return this.#payloadInPlace(bytes, start + count);
  }

  #beginFrame(header: Buffer, at: number): void {
    const length = header.readUIntBE(at, 3);
    if (length > defaultMaxFrameSize)
      throw new Http2Error(errorCode.frameSizeError, `frame of ${length} bytes`);
    this.#type = header[at + 3] as number; // a header has nine bytes
    this.#flags = header[at + 4] as number;
    this.#streamId = header.readUInt32BE(at + 5) & 0x7fffffff;
    this.#payloadLength = length;
    if (this.#blockStream !== 0 && this.#type !== frameType.continuation)
      throw new Http2Error(errorCode.protocolError, "a header block is interrupted");
  }

  /** Takes a payload that stands whole in `bytes`, or prepares for its pieces. */
  #payloadInPlace(bytes: Buffer, at: number): number {
    const length = this.#payloadLength;
    if (this.#type === frameType.data) {
      if (this.#streamId === 0) throw protocol("DATA on stream 0");
      if ((this.#flags & frameFlag.padded) === 0) return this.#beginData(at, length, 0);
      if (length === 0) throw new Http2Error(errorCode.frameSizeError, "padded frame without padding");
      const padding = bytes[at];
      if (padding !== undefined) return this.#beginData(at + 1, length - 1 - padding, padding);
      // The length of the padding is in the next read.
      this.#payload = Buffer.alloc(1);
      this.#filled = 0;
      return at;
    }
    if (bytes.length - at >= length) {
      this.#dispatch(bytes.subarray(at, at + length));
      return at + length;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#filled = 0;
    return at;
  }

  #fillPayload(bytes: Buffer, start: number, payload: Buffer): number {
    const count = Math.min(payload.length - this.#filled, bytes.length - start);
    bytes.copy(payload, this.#filled, start, start + count);
    this.#filled += count;
    if (this.#filled < payload.length) return start + count;
    this.#payload = undefined;
    if (this.#type === frameType.data) {
      const padding = payload[0] as number; // it is one byte long
      return this.#beginData(start + count, this.#payloadLength - 1 - padding, padding);
    }
    this.#dispatch(payload);
    return start + count;
  }

  #beginData(at: number, length: number, padding: number): number {
    if (length < 0) throw protocol("padding exceeds its frame");
    const endStream = (this.#flags & frameFlag.endStream) !== 0;
    if (length === 0 && !endStream) this.#sink.onEmptyFrame();
    this.#dataLeft = length;
    this.#paddingLeft = padding;
    this.#sink.onDataFrame(this.#streamId, this.#payloadLength, endStream);
    if (length === 0) {
      this.#sink.onDataPiece(empty, true);
      if (padding === 0) this.#dataLeft = -1;
    }
    return at;
  }

  #readData(bytes: Buffer, start: number): number {
    let at = start;
    if (this.#dataLeft > 0) {
      const count = Math.min(this.#dataLeft, bytes.length - at);
      this.#dataLeft -= count;
      at += count;
      this.#sink.onDataPiece(bytes.subarray(start, at), this.#dataLeft === 0);
    }
    if (this.#dataLeft > 0) return at;
    const skipped = Math.min(this.#paddingLeft, bytes.length - at);
    this.#paddingLeft -= skipped;
    if (this.#paddingLeft === 0) this.#dataLeft = -1;
    return at + skipped;
  }

  #dispatch(payload: Buffer): void {
    const sink = this.#sink;
    const id = this.#streamId;
    switch (this.#type) {
      case frameType.headers:
        this.#headers(payload);
        return;
      case frameType.continuation:
        if (this.#blockStream === 0 || id !== this.#blockStream) throw protocol("CONTINUATION of nothing");
        if (payload.length === 0) sink.onEmptyFrame();
        this.#fragment(payload);
        return;
      case frameType.priority:
        if (id === 0) throw protocol("PRIORITY on stream 0");
        if (payload.length !== 5) throw new Http2Error(errorCode.frameSizeError, "PRIORITY frame size", id);
        sink.onPriority();
        return;
      case frameType.rstStream:
        if (id === 0) throw protocol("RST_STREAM on stream 0");
        expectLength(payload, 4);
        sink.onReset(id, payload.readUInt32BE(0));
        return;
      case frameType.settings: {
        if (id !== 0) throw protocol("SETTINGS on a stream");
        const ack = (this.#flags & frameFlag.ack) !== 0;
        if (ack ? payload.length !== 0 : payload.length % 6 !== 0)
          throw new Http2Error(errorCode.frameSizeError, "SETTINGS frame size");
        sink.onSettings(ack ? undefined : payload);
        return;
      }
      case frameType.pushPromise:
        throw protocol("PUSH_PROMISE, which was not asked for");
      case frameType.ping:
        if (id !== 0) throw protocol("PING on a stream");
        expectLength(payload, 8);
        sink.onPing(payload, (this.#flags & frameFlag.ack) !== 0);
        return;
      case frameType.goaway:
        if (id !== 0) throw protocol("GOAWAY on a stream");
        if (payload.length < 8) throw new Http2Error(errorCode.frameSizeError, "GOAWAY frame size");
        sink.onGoaway(payload.readUInt32BE(0) & 0x7fffffff, payload.readUInt32BE(4));
        return;
      case frameType.windowUpdate:
        expectLength(payload, 4);
        sink.onWindowUpdate(id, payload.readUInt32BE(0) & 0x7fffffff);
        return;
      default: // frames of unknown types mean nothing: https://www.rfc-editor.org/rfc/rfc9113#section-5.5
    }
  }

  #headers(payload: Buffer): void {
    const flags = this.#flags;
    if (this.#streamId === 0) throw protocol("HEADERS on stream 0");
    let start = 0;
    let end = payload.length;
    if ((flags & frameFlag.padded) !== 0) {
      if (end === 0) throw new Http2Error(errorCode.frameSizeError, "padded frame without padding");
      end -= payload[0] as number; // there is one byte at least
      start = 1;
    }
    if ((flags & frameFlag.priority) !== 0) start += 5;
    if (start > end) throw protocol("padding exceeds its frame");
    this.#blockStream = this.#streamId;
    this.#blockEnds = (flags & frameFlag.endStream) !== 0;
    if (start === end && !this.#blockEnds) this.#sink.onEmptyFrame();
    this.#fragment(payload.subarray(start, end));
  }

  #fragment(fragment: Buffer): void {
    this.#blockBytes += fragment.length;
    // The block has to be read to keep the tables the same; there is an end to that.
    if (this.#blockBytes > this.#maxBlockBytes)
      throw new Http2Error(errorCode.enhanceYourCalm, "header block is too large");
    if ((this.#flags & frameFlag.endHeaders) === 0) {
      this.#fragments.push(Buffer.from(fragment));
      return;
    }
    const block = this.#fragments.length === 0 ? fragment : Buffer.concat([...this.#fragments, fragment]);
    const streamId = this.#blockStream;
    this.#blockStream = 0;
    this.#blockBytes = 0;
    this.#fragments = [];
    this.#sink.onHeaderBlock(streamId, block, this.#blockEnds);
  }
}

function expectLength(payload: Buffer, length: number): void {
  if (payload.length !== length)
    throw new Http2Error(errorCode.frameSizeError, `frame of ${payload.length} bytes, not ${length}`);
}

function protocol(message: string): Http2Error {
  return new Http2Error(errorCode.protocolError, message);
}
