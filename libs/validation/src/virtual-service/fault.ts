import { grpcStatusNames } from "@weft/base";
import type { HTTPFaultInjection } from "@weft/istio-api";
import type { Findings } from "../findings.ts";
import { checkDuration, checkPercent } from "../values.ts";

/** Checks delays and aborts. */
export function checkFault({ delay, abort }: HTTPFaultInjection, findings: Findings): void {
  if (delay === undefined && abort === undefined)
    findings.error("", "empty-fault", "has no fault; set delay or abort");
  if (delay) {
    const at = findings.at("delay");
    checkPercent(delay.percentage?.value, "percentage.value", at);
    checkPercent(delay.percent, "percent", at);
    if (delay.percent !== undefined) at.warn("percent", "deprecated-field", "is deprecated; use percentage");
    checkDuration(delay.fixedDelay, "fixedDelay", at);
    checkDuration(delay.exponentialDelay, "exponentialDelay", at);
    if (delay.fixedDelay === undefined && delay.exponentialDelay === undefined)
      at.error("fixedDelay", "missing-field", "is missing; it must be set");
  }
  if (abort) checkAbort(abort, findings.at("abort"));
}

function checkAbort(abort: NonNullable<HTTPFaultInjection["abort"]>, findings: Findings): void {
  const { httpStatus, grpcStatus, http2Error, percentage } = abort;
  checkPercent(percentage?.value, "percentage.value", findings);
  if (http2Error !== undefined)
    findings.error("http2Error", "unsupported-field", "is not supported; use httpStatus or grpcStatus");
  else if (httpStatus === undefined && grpcStatus === undefined)
    findings.error("", "missing-field", "says not with what to abort; set httpStatus or grpcStatus");
  if (httpStatus !== undefined && (httpStatus < 200 || httpStatus > 599))
    findings.error("httpStatus", "invalid-status", `${httpStatus} is not a status; allowed are 200 to 599`);
  if (grpcStatus !== undefined && !grpcStatusNames.includes(grpcStatus))
    findings.error("grpcStatus", "invalid-status", `"${grpcStatus}" is not a gRPC status, as UNAVAILABLE`);
}
