import type { Socket } from "node:net";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import type { Flushable, FlushQueue } from "../flush-queue.ts";
import { clientPreface, defaultMaxFrameSize, frameFlag, frameHeaderBytes, frameType } from "./frame.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { Output } from "./output.ts";

/** Data up to this size joins the frames around it: one copy costs less than a further buffer in the write. */
const joinBytes = 4096;
const bufferBytes = 16_384;
/** With less than this left a buffer is full. */
const spareBytes = 2048;

/** Pseudo headers in the order they are sent in: `[name, value, …]`. */
export type PseudoHeaders = readonly string[];

/**
 * Writes frames to a socket. Frames of one turn of the event loop leave together; data too large to be copied leaves
 * at once, so that its buffer is free again.
 */
export class FrameWriter implements Flushable {
  readonly encoder = new HpackEncoder();
  maxFrameSize = defaultMaxFrameSize;
  readonly #socket: Socket;
  readonly #queue: FlushQueue;
  #output = new Output(bufferBytes);
  /** Bytes of the output that the socket has. */
  #written = 0;
  #scheduled = false;

  constructor(socket: Socket, queue: FlushQueue) {
    this.#socket = socket;
    this.#queue = queue;
  }

  /** The socket has more to send than it should: pause. */
  get full(): boolean {
    return this.#socket.writableNeedDrain;
  }

  preface(): void {
    const output = this.#begin(clientPreface.length);
    output.bytes.set(clientPreface, output.length);
    output.length += clientPreface.length;
  }

  headers(streamId: number, pseudo: PseudoHeaders, headers: HeaderMap, endStream: boolean): void {
    const output = this.#begin(frameHeaderBytes);
    const start = output.length;
    output.length += frameHeaderBytes;
    const { encoder } = this;
    encoder.begin(output);
    for (let i = 0; i < pseudo.length; i += 2)
      encoder.field(output, pseudo[i] as string, pseudo[i + 1] as string); // names at even, values at odd places
    encoder.headers(output, headers);
    this.#frameBlock(start, streamId, endStream ? frameFlag.endStream : 0);
  }

  /** Puts frame headers around the block that stands after `start`: HEADERS, and CONTINUATION where it is long. */
  #frameBlock(start: number, streamId: number, flags: number): void {
    const output = this.#output;
    const end = output.length;
    const size = end - start - frameHeaderBytes;
    if (size <= this.maxFrameSize) {
      output.length = start;
      output.frameHeader(size, frameType.headers, flags | frameFlag.endHeaders, streamId);
      output.length = end;
      return;
    }
    const block = Buffer.from(output.bytes.subarray(start + frameHeaderBytes, end));
    output.length = start;
    for (let at = 0; at < size; at += this.maxFrameSize) {
      const part = block.subarray(at, at + this.maxFrameSize);
      const last = at + part.length === size ? frameFlag.endHeaders : 0;
      output.ensure(frameHeaderBytes + part.length);
      const type = at === 0 ? frameType.headers : frameType.continuation;
      output.frameHeader(part.length, type, (at === 0 ? flags : 0) | last, streamId);
      output.bytes.set(part, output.length);
      output.length += part.length;
    }
  }

  /** A DATA frame; the caller keeps to windows and to the maximum size. */
  data(streamId: number, chunk: Buffer, endStream: boolean): WriteOutcome {
    const { length } = chunk;
    const joined = length <= joinBytes;
    const output = this.#begin(frameHeaderBytes + (joined ? length : 0));
    output.frameHeader(length, frameType.data, endStream ? frameFlag.endStream : 0, streamId);
    if (!joined) return this.#through(chunk);
    output.bytes.set(chunk, output.length);
    output.length += length;
    return this.full ? "full" : "written";
  }

  /** Writes what waits, and the chunk itself, uncopied. */
  #through(chunk: Buffer): WriteOutcome {
    const socket = this.#socket;
    socket.cork();
    this.#write();
    if (!socket.destroyed) socket.write(chunk);
    socket.uncork();
    this.#reclaim();
    // What the kernel took at once is out of Node's hands.
    if (socket.writableLength === 0) return "written";
    return socket.writableNeedDrain ? "full" : "queued";
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    const output = this.#begin(frameHeaderBytes + pairs.length * 6);
    output.frameHeader(pairs.length * 6, frameType.settings, 0, 0);
    for (const [id, value] of pairs) {
      output.bytes[output.length++] = id >>> 8;
      output.bytes[output.length++] = id;
      output.uint32(value);
    }
  }

  settingsAck(): void {
    this.#begin(frameHeaderBytes).frameHeader(0, frameType.settings, frameFlag.ack, 0);
  }

  /** `payload`: eight bytes. */
  ping(payload: Buffer, ack: boolean): void {
    const output = this.#begin(frameHeaderBytes + 8);
    output.frameHeader(8, frameType.ping, ack ? frameFlag.ack : 0, 0);
    output.bytes.set(payload, output.length);
    output.length += 8;
  }

  reset(streamId: number, code: number): void {
    const output = this.#begin(frameHeaderBytes + 4);
    output.frameHeader(4, frameType.rstStream, 0, streamId);
    output.uint32(code);
  }

  windowUpdate(streamId: number, increment: number): void {
    const output = this.#begin(frameHeaderBytes + 4);
    output.frameHeader(4, frameType.windowUpdate, 0, streamId);
    output.uint32(increment);
  }

  goaway(lastStreamId: number, code: number): void {
    const output = this.#begin(frameHeaderBytes + 8);
    output.frameHeader(8, frameType.goaway, 0, 0);
    output.uint32(lastStreamId);
    output.uint32(code);
  }

  #begin(room: number): Output {
    if (this.#output.length > bufferBytes - spareBytes) this.#makeRoom();
    const output = this.#output;
    output.ensure(room);
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#queue.add(this);
    }
    return output;
  }

  #makeRoom(): void {
    this.#write();
    this.#reclaim();
    if (this.#output.length > 0) {
      this.#output = new Output(bufferBytes);
      this.#written = 0;
    }
  }

  /** Writes what waits. */
  flush(): void {
    this.#scheduled = false;
    this.#write();
    this.#reclaim();
  }

  #write(): void {
    const { bytes, length } = this.#output;
    if (length > this.#written && !this.#socket.destroyed)
      this.#socket.write(bytes.subarray(this.#written, length));
    this.#written = length;
  }

  /** Starts over in the same buffer where the kernel has taken all of it; else the rest of it is used. */
  #reclaim(): void {
    if (this.#socket.writableLength > 0) return;
    this.#written = 0;
    this.#output.length = 0;
  }
}
