import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "@weft/base";
import type { Bus } from "@weft/bus";
import type { MeshSnapshot } from "@weft/mesh-model";
import {
  ConfigChangedSchema,
  ProxyAckedSchema,
  ProxyConnectedSchema,
  ProxyDisconnectedSchema,
  ProxyNackedSchema,
} from "@weft/mesh-rpc";
import type { XdsServerEvent } from "@weft/xds";

/** Tells the others what happens in this pilot. */
export interface BusBridge {
  onXdsEvent(event: XdsServerEvent): void;
  onSnapshot(snapshot: MeshSnapshot): void;
}

/** Creates a {@link BusBridge}. `pilot`: the name of this instance. */
export function createBusBridge(bus: Bus, pilot: string, clock: Clock): BusBridge {
  return {
    onSnapshot: ({ version }) => {
      const time = timestampFromMs(clock.now());
      bus.publish({
        subject: "weft.config.v1.changed",
        payload: create(ConfigChangedSchema, { time, version }),
      });
    },
    onXdsEvent: (event) => {
      const base = { time: timestampFromMs(clock.now()), node: event.connection.node.id, pilot };
      switch (event.kind) {
        case "connected":
          bus.publish({ subject: "weft.proxy.v1.connected", payload: create(ProxyConnectedSchema, base) });
          break;
        case "disconnected":
          bus.publish({
            subject: "weft.proxy.v1.disconnected",
            payload: create(ProxyDisconnectedSchema, base),
          });
          break;
        case "acked": {
          const { typeUrl, acked } = event;
          const payload = create(ProxyAckedSchema, { ...base, typeUrl, version: acked.version });
          bus.publish({ subject: "weft.proxy.v1.acked", payload });
          break;
        }
        case "nacked": {
          const { typeUrl, nacked } = event;
          const { version, message: error } = nacked;
          const payload = create(ProxyNackedSchema, { ...base, typeUrl, version, error });
          bus.publish({ subject: "weft.proxy.v1.nacked", payload });
          break;
        }
        case "subscribed":
        case "sent":
        case "flushed":
          break; // between this pilot and the proxy: of no use to others
      }
    },
  };
}
