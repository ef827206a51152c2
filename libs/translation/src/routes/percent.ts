import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  FractionalPercent_DenominatorType,
  type FractionalPercentSchema,
} from "@weft/envoy-api/envoy/type/v3/percent_pb.js";

/** A share of 0 to 100 percent, exact to a ten-thousandth. */
export function toFractionalPercent(percent: number): MessageInitShape<typeof FractionalPercentSchema> {
  return {
    numerator: Math.round(percent * 10_000),
    denominator: FractionalPercent_DenominatorType.MILLION,
  };
}
