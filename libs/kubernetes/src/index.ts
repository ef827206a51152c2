export {
  type ApiRequest,
  type ApiWrite,
  type ConnectOptions,
  checkCredentials,
  connectKubernetes,
  createKubeApi,
  type KubeApi,
  KubeApiError,
  KubeConfigError,
} from "./kube-api.ts";
export {
  type ApiObject,
  keyOf,
  NotServed,
  type ReflectorOptions,
  type ReflectorSink,
  type ReflectorTimes,
  runReflector,
} from "./reflector.ts";
