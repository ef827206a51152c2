import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type { ResponseHead } from "../runtime/request.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";

/** The last changes to a response's head, after all filters. */
export function mutateResponseHeaders(
  head: ResponseHead,
  info: StreamInfo,
  config: HttpConnectionManagerConfig,
  date: () => string,
): void {
  const { headers } = head;
  const { headers: settings } = config;
  if (!headers.has("date")) headers.append("date", date());
  if (settings.serverHeader === "overwrite") headers.set("server", settings.serverName);
  else if (settings.serverHeader === "append-if-absent" && !headers.has("server"))
    headers.append("server", settings.serverName);
  if (settings.via !== "") headers.append("via", settings.via);
  if (settings.alwaysSetRequestIdInResponse && info.requestId !== "")
    headers.set("x-request-id", info.requestId);
}
