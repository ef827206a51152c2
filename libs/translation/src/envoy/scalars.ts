import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import type { AddressSchema } from "@weft/envoy-api/envoy/config/core/v3/address_pb.js";

/** Milliseconds as a protobuf duration, exact to a microsecond. */
export function toDuration(ms: number): Duration {
  // Seconds apart from the rest: in nanoseconds, long durations are beyond what a number holds exactly.
  const micros = Math.round((ms % 1000) * 1000);
  const seconds = Math.trunc(ms / 1000) + Math.trunc(micros / 1e6);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: (micros % 1e6) * 1000 });
}

/** A TCP address, or a Unix socket by its path. */
export function toSocketAddress(address: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (address.startsWith("/")) return { address: { case: "pipe", value: { path: address } } };
  return {
    address: {
      case: "socketAddress",
      value: { address, portSpecifier: { case: "portValue", value: port } },
    },
  };
}

/** An object without its undefined fields, as exact optional fields want it. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
