/** Types whose JSON is not an object of their fields; protobuf-es reads and writes them. */
export const wellKnownJsonTypes: ReadonlySet<string> = new Set([
  "google.protobuf.BoolValue",
  "google.protobuf.BytesValue",
  "google.protobuf.DoubleValue",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
  "google.protobuf.FloatValue",
  "google.protobuf.Int32Value",
  "google.protobuf.Int64Value",
  "google.protobuf.ListValue",
  "google.protobuf.StringValue",
  "google.protobuf.Struct",
  "google.protobuf.Timestamp",
  "google.protobuf.UInt32Value",
  "google.protobuf.UInt64Value",
  "google.protobuf.Value",
]);

/**
 * The `@type` under which an Any of unknown type is shown, with `type_url` and `value.base64` beside it.
 * It is valid as what it says it is, so that any reader of Envoy's JSON takes it.
 */
export const opaqueTypeUrl = "type.googleapis.com/xds.type.v3.TypedStruct";
