import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { clientPreface, frameFlag, frameHeaderBytes, frameType } from "./frame.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Output } from "./output.ts";

/** For tests: a frame as it came in. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  /** Of HEADERS: `name: value` lines. */
  readonly fields: readonly string[];
}

/** For tests: a frame. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const output = new Output(frameHeaderBytes);
  output.frameHeader(payload.length, type, flags, streamId);
  return Buffer.concat([output.bytes, payload]);
}

/** For tests: four bytes. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** For tests: fields as a block that needs no table and checks nothing. */
export function block(...fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.of(0));
    for (const text of [fields[i] as string, fields[i + 1] as string]) {
      const bytes = Buffer.from(text, "latin1");
      const length = new Output(8);
      if (bytes.length < 127) length.bytes[length.length++] = bytes.length;
      else {
        length.bytes[length.length++] = 127;
        let rest = bytes.length - 127;
        for (; rest > 127; rest >>= 7) length.bytes[length.length++] = 128 | (rest & 127);
        length.bytes[length.length++] = rest;
      }
      parts.push(length.bytes.subarray(0, length.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** For tests: the pseudo headers of a GET. */
export const getFields = (path = "/", ...more: readonly string[]): readonly string[] => [
  ":method",
  "GET",
  ":scheme",
  "http",
  ":authority",
  "a",
  ":path",
  path,
  ...more,
];

/** For tests: HEADERS that end the block. */
export const headers = (streamId: number, fields: readonly string[], endStream = true): Buffer =>
  frame(
    frameType.headers,
    frameFlag.endHeaders | (endStream ? frameFlag.endStream : 0),
    streamId,
    block(...fields),
  );

/** For tests: one end of a connection that says whatever frames it is told to. */
export class RawPeer {
  readonly socket: Socket;
  readonly frames: ReceivedFrame[] = [];
  closed = false;
  #pending = Buffer.alloc(0);
  readonly #decoder = new HpackDecoder();
  readonly #watchers = new Set<() => void>();

  /** `skip`: bytes that come before the first frame. */
  constructor(socket: Socket, skip = 0) {
    this.socket = socket;
    let left = skip;
    socket.on("error", () => {}); // resets are part of the tests
    socket.on("close", () => {
      this.closed = true;
      this.#notify();
    });
    socket.on("data", (bytes: Buffer) => {
      const skipped = Math.min(left, bytes.length);
      left -= skipped;
      this.#pending = Buffer.concat([this.#pending, bytes.subarray(skipped)]);
      this.#cut();
      this.#notify();
    });
  }

  #cut(): void {
    while (this.#pending.length >= frameHeaderBytes) {
      const length = this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < frameHeaderBytes + length) return;
      const [type, flags] = [this.#pending[3] as number, this.#pending[4] as number];
      const payload = Buffer.from(this.#pending.subarray(frameHeaderBytes, frameHeaderBytes + length));
      const fields: string[] = [];
      if (type === frameType.headers)
        this.#decoder.decode(payload, { onField: (name, value) => fields.push(`${name}: ${value}`) });
      this.frames.push({
        type,
        flags,
        streamId: this.#pending.readUInt32BE(5) & 0x7fffffff,
        payload,
        fields,
      });
      this.#pending = this.#pending.subarray(frameHeaderBytes + length);
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  send(...bytes: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** Waits until a frame is there, or the connection is closed. */
  async until(is: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame | undefined> {
    for (;;) {
      const found = this.frames.find(is);
      if (found !== undefined || this.closed) return found;
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  /** The error code of the GOAWAY that comes; undefined where the connection closes without. */
  async goaway(): Promise<number | undefined> {
    return (await this.until(({ type }) => type === frameType.goaway))?.payload.readUInt32BE(4);
  }

  /** The error code of the stream's RST_STREAM. */
  async reset(streamId: number): Promise<number | undefined> {
    const found = await this.until((one) => one.type === frameType.rstStream && one.streamId === streamId);
    return found?.payload.readUInt32BE(0);
  }

  /** The fields of the stream's first HEADERS. */
  async head(streamId: number): Promise<readonly string[] | undefined> {
    return (await this.until((one) => one.type === frameType.headers && one.streamId === streamId))?.fields;
  }

  /** Body bytes of a stream so far. */
  body(streamId: number): Buffer {
    const data = this.frames.filter((one) => one.type === frameType.data && one.streamId === streamId);
    return Buffer.concat(data.map(({ payload }) => payload));
  }
}

/** For tests: a client that has sent its preface and its settings. */
export async function openRawClient(port: number, settings: Buffer = Buffer.alloc(0)): Promise<RawPeer> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const peer = new RawPeer(socket);
  peer.send(clientPreface, frame(frameType.settings, 0, 0, settings));
  return peer;
}

/** For tests: a SETTINGS payload. */
export function settingsPayload(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat(
    pairs.map(([id, value]) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16BE(id);
      bytes.writeUInt32BE(value, 2);
      return bytes;
    }),
  );
}
