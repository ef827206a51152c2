import type { HeaderMap } from "../runtime/headers.ts";

/** The rest of a message whose head a filter has stopped; the sender is paused at the first byte of it. */
export interface HeldMessage {
  readonly chunks: Buffer[];
  /** The last chunk ends the message. */
  end: boolean;
  trailers: HeaderMap | undefined;
}

/** Nothing held so far. */
export function createHeldMessage(): HeldMessage {
  return { chunks: [], end: false, trailers: undefined };
}

/** Gives what was held to whom it was meant for. */
export function releaseHeld(
  { chunks, end, trailers }: HeldMessage,
  onData: (chunk: Buffer, endStream: boolean) => void,
  onTrailers: (trailers: HeaderMap) => void,
): void {
  for (const [i, chunk] of chunks.entries()) onData(chunk, end && i === chunks.length - 1);
  if (trailers !== undefined) onTrailers(trailers);
}
