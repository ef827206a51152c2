import type { MessageInitShape } from "@bufbuild/protobuf";
import { HTTPFaultSchema } from "@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { pack } from "../../envoy/any.ts";
import { toDuration } from "../../envoy/scalars.ts";
import type { Fault } from "../../ir/index.ts";
import { toFractionalPercent } from "../../routes/percent.ts";
import type { PerRouteRule } from "./index.ts";

function toFault({ delay, abort }: Fault): MessageInitShape<typeof HTTPFaultSchema> {
  return {
    ...(delay
      ? {
          delay: {
            faultDelaySecifier: { case: "fixedDelay" as const, value: toDuration(delay.ms) },
            percentage: toFractionalPercent(delay.percent),
          },
        }
      : {}),
    ...(abort
      ? {
          abort: {
            errorType:
              abort.status.kind === "http"
                ? { case: "httpStatus" as const, value: abort.status.code }
                : { case: "grpcStatus" as const, value: abort.status.code },
            percentage: toFractionalPercent(abort.percent),
          },
        }
      : {}),
  };
}

/** Delays and aborts of a route. */
export const faultPerRoute: PerRouteRule = {
  filter: "envoy.filters.http.fault",
  build: ({ fault }) => (fault ? pack(HTTPFaultSchema, toFault(fault)) : undefined),
};
