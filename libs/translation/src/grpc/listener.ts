import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Listener, ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { HTTPFaultSchema } from "@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { RouterSchema } from "@weft/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { pack } from "../envoy/any.ts";
import { ads } from "../envoy/config-source.ts";
import { toSocketAddress } from "../envoy/scalars.ts";
import type { EnvoyHttpFilter } from "../http-filters/http-filter.ts";
import { serverTls } from "./tls.ts";

/** What names of listeners begin with that a gRPC server asks for; host and port follow. */
export const serverListenerPrefix = "xds.istio.io/grpc/lds/inbound/";

function filterOf(name: string, config: Any): EnvoyHttpFilter {
  return { name, configType: { case: "typedConfig", value: config } };
}

const fault = filterOf("envoy.filters.http.fault", pack(HTTPFaultSchema));
const router = filterOf("envoy.filters.http.router", pack(RouterSchema));

/** What a client gets for a target: no socket, only where its routes are. Faults come from the routes. */
export function toApiListener(name: string, routeTable: string): Listener {
  const manager = pack(HttpConnectionManagerSchema, {
    statPrefix: name,
    httpFilters: [fault, router],
    routeSpecifier: { case: "rds", value: { configSource: ads, routeConfigName: routeTable } },
  });
  return create(ListenerSchema, { name, apiListener: { apiListener: manager } });
}

/** What a server is to do with its connections. */
export interface ServerListener {
  readonly host: string;
  readonly port: number;
  readonly mutualTls: boolean;
  /** Filters that decide who may ask. */
  readonly authorization: readonly EnvoyHttpFilter[];
}

/** What a gRPC server gets for an address. https://github.com/grpc/proposal/blob/master/A36-xds-for-servers.md */
export function toServerListener({ host, port, mutualTls, authorization }: ServerListener): Listener {
  const suffix = mutualTls ? "mtls" : "plaintext";
  const manager = pack(HttpConnectionManagerSchema, {
    // A filter's name stands once in a listener of gRPC.
    httpFilters: [
      ...authorization.map((filter, i) =>
        i === 0 ? filter : { ...filter, name: `envoy.filters.http.rbac.${i}` },
      ),
      router,
    ],
    routeSpecifier: {
      case: "routeConfig",
      value: {
        name: "inbound",
        virtualHosts: [
          {
            name: "inbound",
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { case: "prefix", value: "/" } },
                action: { case: "nonForwardingAction", value: {} },
              },
            ],
          },
        ],
      },
    },
    statPrefix: "inbound",
  });
  return create(ListenerSchema, {
    name: `${serverListenerPrefix}${host}:${port}`,
    address: toSocketAddress(host.replace(/^\[|\]$/g, ""), port),
    filterChains: [
      {
        name: `inbound-${suffix}`,
        filters: [{ name: `inbound-hcm-${suffix}`, configType: { case: "typedConfig", value: manager } }],
        ...(mutualTls ? { transportSocket: serverTls() } : {}),
      },
    ],
  });
}
