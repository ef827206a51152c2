import { networkingWorkloadSelector, policyTargetReferences, port } from "../schema/scalars.ts";
import {
  anything,
  type Infer,
  inCrd,
  integer,
  list,
  map,
  message,
  oneOfWords,
  string,
  unsigned,
} from "../schema/schema.ts";

const subFilter = message({ name: string() });
const filter = message({ name: string(), subFilter });

const listenerMatch = message({
  portNumber: unsigned(),
  portName: string(),
  name: string(),
  listenerFilter: string(),
  filterChain: message({
    name: string(),
    sni: string(),
    transportProtocol: string(),
    applicationProtocols: string(),
    destinationPort: unsigned(),
    filter,
  }),
});

const routeConfigurationMatch = message({
  portNumber: unsigned(),
  portName: string(),
  gateway: string(),
  name: string(),
  vhost: message({
    name: string(),
    domainName: string(),
    route: message({ name: string(), action: oneOfWords("ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE") }),
  }),
});

const envoyConfigObjectMatch = inCrd(
  message(
    {
      context: oneOfWords("ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"),
      proxy: message({ proxyVersion: string(), metadata: map(string()) }),
      listener: listenerMatch,
      routeConfiguration: routeConfigurationMatch,
      cluster: message({ portNumber: unsigned(), service: string(), subset: string(), name: string() }),
      waypoint: message({ portNumber: port(), filter, route: subFilter }),
    },
    {
      oneOf: [["listener", "routeConfiguration", "cluster", "waypoint"]],
      check: ({ context, waypoint }) =>
        (context === "WAYPOINT") === (waypoint !== undefined)
          ? undefined
          : "waypoint must be set with context WAYPOINT, and only then",
    },
  ),
  {
    validations: [
      {
        rule: '(has(self.context) && self.context == "WAYPOINT") == has(self.waypoint)',
        message: "only support waypointMatch when context is WAYPOINT",
      },
    ],
  },
);

const envoyConfigObjectPatch = message({
  applyTo: oneOfWords(
    "INVALID",
    "LISTENER",
    "FILTER_CHAIN",
    "NETWORK_FILTER",
    "HTTP_FILTER",
    "ROUTE_CONFIGURATION",
    "VIRTUAL_HOST",
    "HTTP_ROUTE",
    "CLUSTER",
    "EXTENSION_CONFIG",
    "BOOTSTRAP",
    "LISTENER_FILTER",
  ),
  match: envoyConfigObjectMatch,
  patch: message({
    operation: oneOfWords(
      "INVALID",
      "MERGE",
      "ADD",
      "REMOVE",
      "INSERT_BEFORE",
      "INSERT_AFTER",
      "INSERT_FIRST",
      "REPLACE",
      "MERGE_AND_REPLACE_LIST",
    ),
    filterClass: oneOfWords("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"),
    value: anything(),
  }),
});

/** https://istio.io/latest/docs/reference/config/networking/envoy-filter/ */
export const envoyFilterSpec = message(
  {
    workloadSelector: networkingWorkloadSelector,
    targetRefs: policyTargetReferences,
    configPatches: list(envoyConfigObjectPatch),
    priority: integer(),
  },
  { oneOf: [["workloadSelector", "targetRefs"]] },
);

/** `spec` of an EnvoyFilter. */
export type EnvoyFilter = Infer<typeof envoyFilterSpec>;
/** One patch: what it applies to, where, and what it does. */
export type EnvoyConfigObjectPatch = Infer<typeof envoyConfigObjectPatch>;
/** Which generated objects a patch applies to. */
export type EnvoyConfigObjectMatch = Infer<typeof envoyConfigObjectMatch>;
