/** HTTP/2's numbers. https://www.rfc-editor.org/rfc/rfc9113#name-frame-definitions */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Flags of frames; each has its meaning in some types only. */
export const frameFlag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** https://www.rfc-editor.org/rfc/rfc9113#name-error-codes */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  http11Required: 13,
} as const;

/** https://www.rfc-editor.org/rfc/rfc9113#name-defined-settings; the last is of RFC 8441. */
export const settingId = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

/** The bytes that a client sends first. */
export const clientPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Bytes of a frame before its payload. */
export const frameHeaderBytes = 9;
/** The largest payload that everybody takes, and the largest that this side takes. */
export const defaultMaxFrameSize = 16_384;
/** Flow-control window of a stream and of a connection where nothing else was said. */
export const defaultWindow = 65_535;
/** Windows never exceed this. */
export const maxWindow = 2 ** 31 - 1;
/** Size of the table of header fields where nothing else was said. */
export const defaultTableSize = 4096;

/** The other side broke the protocol so that the whole connection is of no more use, or only one stream of it. */
export class Http2Error extends Error {
  readonly code: number;
  /** 0: the connection. */
  readonly streamId: number;

  constructor(code: number, message: string, streamId = 0) {
    super(message);
    this.name = "Http2Error";
    this.code = code;
    this.streamId = streamId;
  }
}
