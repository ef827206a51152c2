import type { LogFields } from "../ir/index.ts";

/** What Istio logs of each request, in this order, and the name of each in JSON; without a name, only in text. */
const fields = {
  start_time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  user_agent: "%REQ(USER-AGENT)%",
  request_id: "%REQ(X-REQUEST-ID)%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  route_name: "%ROUTE_NAME%",
} as const;

const quoted = (name: keyof typeof fields) => `"${fields[name]}"`;

/** A line of Istio's access log: https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format */
export const defaultTextFormat = `${[
  `[${fields.start_time}]`,
  `"${fields.method} ${fields.path} ${fields.protocol}"`,
  fields.response_code,
  fields.response_flags,
  fields.response_code_details,
  fields.connection_termination_details,
  quoted("upstream_transport_failure_reason"),
  fields.bytes_received,
  fields.bytes_sent,
  fields.duration,
  fields.upstream_service_time,
  quoted("x_forwarded_for"),
  quoted("user_agent"),
  quoted("request_id"),
  quoted("authority"),
  quoted("upstream_host"),
  fields.upstream_cluster,
  fields.upstream_local_address,
  fields.downstream_local_address,
  fields.downstream_remote_address,
  fields.requested_server_name,
  fields.route_name,
].join(" ")}\n`;

/** The same as JSON. */
export const defaultJsonFormat: LogFields = fields;
