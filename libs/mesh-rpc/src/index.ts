export {
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
} from "../gen/weft/events/v1/events_pb.js";
