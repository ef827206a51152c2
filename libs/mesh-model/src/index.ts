export type { ProxyNode } from "./proxy-node.ts";
export type {
  Endpoint,
  Locality,
  Protocol,
  Resolution,
  Service,
  ServicePort,
  Visibility,
} from "./service.ts";
