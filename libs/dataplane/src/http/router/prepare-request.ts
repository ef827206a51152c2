import type { RequestHead } from "../../runtime/request.ts";
import type { ClusterChoice, ForwardAction, Route } from "../../runtime/route.ts";
import type { StreamInfo } from "../../runtime/stream-info.ts";
import { mutateHeaders } from "../header-mutation.ts";

/** What a request's head becomes on its way upstream. */
export interface Preparation {
  readonly route: Route;
  readonly action: ForwardAction;
  readonly choice: ClusterChoice;
  readonly info: StreamInfo;
  /** Told to the upstream in `x-envoy-expected-rq-timeout-ms`; 0: nothing to tell. */
  readonly timeoutMs: number;
  readonly suppressEnvoyHeaders: boolean;
}

const forRouter = ["x-envoy-upstream-alt-stat-name", "x-envoy-hedge-on-per-try-timeout"];

/** Changes headers, path and authority of a request as its route says, once, before the first try. */
export function prepareRequest(head: RequestHead, preparation: Preparation): void {
  const { route, action, choice, info, timeoutMs, suppressEnvoyHeaders } = preparation;
  const { headers } = head;
  if (!suppressEnvoyHeaders && timeoutMs > 0)
    headers.set("x-envoy-expected-rq-timeout-ms", String(timeoutMs));
  // Only who is inside may have sent these; they are for this proxy.
  if (headers.has("x-envoy-internal")) for (const name of forRouter) headers.remove(name);
  if (choice.requestHeaders !== undefined) mutateHeaders(headers, [choice.requestHeaders], info);
  mutateHeaders(headers, route.requestHeaders, info);
  if (route.decoratorOperation !== undefined)
    headers.set("x-envoy-decorator-operation", route.decoratorOperation);
  const authority = choice.rewriteHost ?? action.rewriteHost?.(head);
  if (authority !== undefined && authority !== head.authority) {
    if (!suppressEnvoyHeaders) headers.set("x-envoy-original-host", head.authority);
    if (action.appendForwardedHost === true) headers.append("x-forwarded-host", head.authority);
    head.authority = authority;
  }
  const path = action.rewritePath?.(head.path);
  if (path === undefined || path === head.path) return;
  if (!suppressEnvoyHeaders) headers.set("x-envoy-original-path", head.path);
  head.path = path;
}
