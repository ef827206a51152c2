import type { OnReadOpts } from "node:net";

const size = 32_768;

/**
 * The `onread` option of a socket that reads into one buffer again and again, until somebody keeps a view on it: then
 * the next read gets another. Saves an allocation and the stream machinery for each read.
 * https://nodejs.org/api/net.html#socketconnectoptions-connectlistener
 */
export function createReadBuffer(receive: (bytes: Buffer) => boolean): OnReadOpts {
  let fresh = true;
  return {
    // Asked at the start and after each read; undefined leaves the present buffer in place.
    buffer: () => {
      if (!fresh) return undefined as unknown as Uint8Array; // the types do not know of it
      fresh = false;
      return Buffer.allocUnsafeSlow(size);
    },
    callback: (count, bytes) => {
      fresh = receive(Buffer.from(bytes.buffer, bytes.byteOffset, count));
      return true;
    },
  };
}
