import type { ResponseHead } from "../../runtime/request.ts";
import type { ClusterChoice, Route } from "../../runtime/route.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";
import { mutateHeaders } from "../header-mutation.ts";

/** What a response's head becomes on its way downstream. */
export interface ResponsePreparation {
  readonly route: Route;
  readonly choice: ClusterChoice;
  readonly info: StreamInfo;
  /** Milliseconds from the request's head to this one. */
  readonly serviceMs: number;
  readonly suppressEnvoyHeaders: boolean;
}

/** Notes an upstream's response, and changes its headers as the route says. */
export function prepareResponse(head: ResponseHead, preparation: ResponsePreparation): void {
  const { route, choice, info, serviceMs, suppressEnvoyHeaders } = preparation;
  const { headers } = head;
  info.details ||= "via_upstream";
  info.response = head;
  info.responseCode = head.status;
  if (!suppressEnvoyHeaders)
    headers.set("x-envoy-upstream-service-time", String(Math.max(0, Math.floor(serviceMs))));
  if (route.includeAttemptCountInResponse === true)
    headers.set("x-envoy-attempt-count", String(info.attempts));
  if (info.hasResponseCookies)
    for (const cookie of info.responseCookies) headers.append("set-cookie", cookie);
  if (choice.responseHeaders !== undefined) mutateHeaders(headers, [choice.responseHeaders], info);
  mutateHeaders(headers, route.responseHeaders, info);
}
