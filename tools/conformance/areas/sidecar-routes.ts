import { readFileSync } from "node:fs";
import { join } from "node:path";
import { typeUrls } from "@weft/envoy-api";
import type { VirtualHost } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfiguration } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { type Area, failed, type Outcome, passed } from "../area.ts";
import type { SimulationProxy } from "../simulation/case.ts";
import { decode } from "../simulation/decode.ts";
import { reasonOf, resourcesFor } from "../simulation/proxy.ts";

interface RoutesCase {
  readonly id: string;
  readonly config: string;
  readonly proxy: SimulationProxy;
  readonly routeName: string;
  /** By host; null: the table has nothing for it. */
  readonly expectedVirtualHosts: Readonly<Record<string, readonly string[] | null>>;
}

/** `simulation/sidecar-routes.json`: the clusters that the virtual hosts of a table lead to. */
export const sidecarRoutes: Area = {
  name: "sidecar-routes",
  folder: "simulation",
  *run(folder) {
    const text = readFileSync(join(folder, "sidecar-routes.json"), "utf8");
    const { cases, knownServices }: { cases: RoutesCase[]; knownServices: string } = JSON.parse(text);
    for (const one of cases) yield { id: one.id, outcome: judge(one, knownServices) };
  },
};

function judge({ config, proxy, routeName, expectedVirtualHosts }: RoutesCase, services: string): Outcome {
  let table: RouteConfiguration | undefined;
  try {
    const resources = resourcesFor({ texts: [services, config], proxy });
    table = decode<RouteConfiguration>(resources, typeUrls.route).get(routeName);
  } catch (cause) {
    return failed(reasonOf(cause));
  }
  for (const [host, wanted] of Object.entries(expectedVirtualHosts)) {
    const found = table?.virtualHosts.find(({ name }) => name === `${host}:${routeName}`);
    const got = found ? clustersOf(found).join() : "";
    if (got !== (wanted ?? []).join())
      return failed(`${host}: wanted ${wanted?.join() ?? "none"}, got ${got || "none"}`);
  }
  return passed;
}

function clustersOf({ routes }: VirtualHost): readonly string[] {
  return routes.flatMap(({ action }) => {
    if (action.case !== "route") return [];
    const { clusterSpecifier: to } = action.value;
    if (to.case === "cluster") return [to.value];
    return to.case === "weightedClusters" ? to.value.clusters.map(({ name }) => name) : [];
  });
}
