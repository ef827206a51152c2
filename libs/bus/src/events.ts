import {
  type ConfigChanged,
  ConfigChangedSchema,
  type ProxyAcked,
  ProxyAckedSchema,
  type ProxyConnected,
  ProxyConnectedSchema,
  type ProxyDisconnected,
  ProxyDisconnectedSchema,
  type ProxyNacked,
  ProxyNackedSchema,
  type RootBundleChanged,
  RootBundleChangedSchema,
} from "@weft/mesh-rpc";

/** The message that each subject carries. A new event is a message in `proto/weft/events`, a line here and one in {@link schemas}. */
export interface EventPayloads {
  "weft.config.v1.changed": ConfigChanged;
  "weft.pki.v1.root_bundle_changed": RootBundleChanged;
  "weft.proxy.v1.connected": ProxyConnected;
  "weft.proxy.v1.disconnected": ProxyDisconnected;
  "weft.proxy.v1.acked": ProxyAcked;
  "weft.proxy.v1.nacked": ProxyNacked;
}

/** `weft.<area>.v1.<event>` */
export type Subject = keyof EventPayloads;

/** An event: its subject says what the payload is. */
export type BusEvent = {
  [S in Subject]: { readonly subject: S; readonly payload: EventPayloads[S] };
}[Subject];

/** How each subject's payload is written and read. */
export const schemas = {
  "weft.config.v1.changed": ConfigChangedSchema,
  "weft.pki.v1.root_bundle_changed": RootBundleChangedSchema,
  "weft.proxy.v1.connected": ProxyConnectedSchema,
  "weft.proxy.v1.disconnected": ProxyDisconnectedSchema,
  "weft.proxy.v1.acked": ProxyAckedSchema,
  "weft.proxy.v1.nacked": ProxyNackedSchema,
} as const satisfies Record<Subject, unknown>;
