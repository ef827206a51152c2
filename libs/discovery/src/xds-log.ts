import type { Logger } from "@weft/observability";
import type { XdsServerEvent } from "@weft/xds";
import { describeRejection } from "./blame.ts";
import type { ProxyRegistry } from "./proxies.ts";

/** Writes what happens on the streams to the log: rejections as errors, the coming and going of proxies, the rest for debugging. */
export function logXdsEvent(event: XdsServerEvent, logger: Logger, proxies: ProxyRegistry): void {
  const { id: connection, node } = event.connection;
  const proxy = node.id;
  switch (event.kind) {
    case "connected":
      logger.info({ proxy, connection }, "proxy connected");
      break;
    case "disconnected":
      logger.info({ proxy, connection }, "proxy disconnected");
      break;
    case "nacked": {
      const { typeUrl: type, nacked } = event;
      const why = describeRejection(nacked.message, type, proxies.of(event.connection)?.set);
      logger.error({ proxy, type, code: nacked.code }, `proxy rejected its configuration: ${why}`);
      break;
    }
    case "sent": {
      const { typeUrl: type, resources, removed, bytes } = event;
      logger.debug({ proxy, type, resources, removed, bytes }, "sent");
      break;
    }
    case "flushed":
      logger.debug({ proxy, type: event.typeUrl, ms: event.ms }, "left");
      break;
    case "acked":
      logger.debug({ proxy, type: event.typeUrl }, "accepted");
      break;
    case "subscribed":
      logger.debug({ proxy, type: event.typeUrl }, "subscribed");
      break;
  }
}
