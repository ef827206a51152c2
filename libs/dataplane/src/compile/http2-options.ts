import type { Http2ProtocolOptions } from "@weft/envoy-api/envoy/config/core/v3/protocol_pb.js";
import { defaultHttp2Settings, type Http2Settings } from "../runtime/http2-settings.ts";
import { durationMs } from "./values.ts";

/** What holds on connections of HTTP/2, up or down. */
export function compileHttp2(options: Http2ProtocolOptions | undefined): Http2Settings {
  if (options === undefined) return defaultHttp2Settings;
  const defaults = defaultHttp2Settings;
  const { limits } = defaults;
  const keepAlive = options.connectionKeepalive;
  const intervalMs = durationMs(keepAlive?.interval, 0);
  return {
    maxConcurrentStreams: options.maxConcurrentStreams ?? defaults.maxConcurrentStreams,
    streamWindow: options.initialStreamWindowSize ?? defaults.streamWindow,
    connectionWindow: options.initialConnectionWindowSize ?? defaults.connectionWindow,
    tableSize: options.hpackTableSize ?? defaults.tableSize,
    allowConnect: options.allowConnect,
    malformedResetsStream:
      options.overrideStreamErrorOnInvalidHttpMessage ?? options.streamErrorOnInvalidHttpMessaging,
    ...(intervalMs > 0 && {
      keepAlive: { intervalMs, timeoutMs: durationMs(keepAlive?.timeout, 0) },
    }),
    limits: {
      ...limits,
      outboundControlFrames: options.maxOutboundControlFrames ?? limits.outboundControlFrames,
      consecutiveEmptyFrames:
        options.maxConsecutiveInboundFramesWithEmptyPayload ?? limits.consecutiveEmptyFrames,
      priorityFramesPerStream: options.maxInboundPriorityFramesPerStream ?? limits.priorityFramesPerStream,
      windowUpdatesPerDataFrame:
        options.maxInboundWindowUpdateFramesPerDataFrameSent ?? limits.windowUpdatesPerDataFrame,
    },
  };
}
