import type { FieldSupport } from "./index.ts";

/** What both sides say of HTTP/2. */
export const http2Fields: Readonly<Record<string, FieldSupport>> = {
  "envoy.config.core.v3.Http2ProtocolOptions": {
    used: `hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size
      allow_connect stream_error_on_invalid_http_messaging override_stream_error_on_invalid_http_message
      max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload
      max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent
      connection_keepalive`,
    withoutEffect: {
      max_outbound_frames: "streams wait for room before they send, so that frames do not add up",
      use_oghttp2_codec: "there is one codec",
    },
  },
  "envoy.config.core.v3.KeepaliveSettings": {
    used: "interval timeout",
    withoutEffect: {
      interval_jitter: "connections are pinged at the interval as it is",
      connection_idle_interval: "connections are pinged at the interval alone",
    },
  },
};
