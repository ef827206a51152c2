/** What a side of an HTTP/2 connection allows the other, and how it looks after the connection. */
export interface Http2Settings {
  /** Requests that a client may have open at once on one connection. */
  readonly maxConcurrentStreams: number;
  /** Body bytes that may be on their way on one stream, and on all of a connection. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /** Bytes of the table of header fields. */
  readonly tableSize: number;
  /** Takes CONNECT with `:protocol`: https://www.rfc-editor.org/rfc/rfc8441 */
  readonly allowConnect: boolean;
  /** A malformed message costs its stream only; else the connection, as in Envoy unless told. */
  readonly malformedResetsStream: boolean;
  /** Pings, to notice a connection that is dead; absent: none. */
  readonly keepAlive?: Http2KeepAlive;
  readonly limits: Http2Limits;
}

/** When a connection is pinged, and how long the answer may take. Milliseconds. */
export interface Http2KeepAlive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Bounds on frames that cost this side more than the sender. What exceeds them ends the connection. */
export interface Http2Limits {
  /** Answers to pings, settings and bad streams that wait for the other side to read. */
  readonly outboundControlFrames: number;
  /** Frames in a row of DATA, HEADERS or CONTINUATION that carry nothing and end nothing. */
  readonly consecutiveEmptyFrames: number;
  /** PRIORITY frames per stream opened. */
  readonly priorityFramesPerStream: number;
  /** WINDOW_UPDATE frames per DATA frame sent. */
  readonly windowUpdatesPerDataFrame: number;
  /**
   * Streams after which it counts how many of them the client has reset within `prematureMs` of opening them, before
   * they were answered: with half of them the connection is closed.
   */
  readonly prematureResetStreams: number;
  readonly prematureMs: number;
}

/**
 * As in Envoy where it says nothing, but for the windows: Envoy's (16 and 24 MiB) let each connection hold as much
 * memory. These are enough for 2 Gbit/s per stream at a round trip of a millisecond.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto#config-core-v3-http2protocoloptions
 */
export const defaultHttp2Settings: Http2Settings = {
  maxConcurrentStreams: 1024,
  streamWindow: 256 * 1024,
  connectionWindow: 4 * 1024 * 1024,
  tableSize: 4096,
  allowConnect: false,
  malformedResetsStream: false,
  limits: {
    outboundControlFrames: 1000,
    consecutiveEmptyFrames: 1,
    priorityFramesPerStream: 100,
    windowUpdatesPerDataFrame: 10,
    prematureResetStreams: 500,
    prematureMs: 1000,
  },
};
