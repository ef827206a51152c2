import type { GatewayClassSpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import { gatewayController, meshController } from "../names.ts";

/** What Gateways of a class become. */
export interface GatewayClass {
  readonly controller: string;
  /** Listeners become Istio Gateways, and routes VirtualServices. */
  readonly routes: boolean;
  /** Why nothing comes of it, where nothing does. */
  readonly unsupported?: string;
  /** A managed Gateway's Service is named after the Gateway alone, without the class. */
  readonly plainName: boolean;
}

const ingress: GatewayClass = { controller: gatewayController, routes: true, plainName: false };
const waypoint: GatewayClass = {
  controller: meshController,
  routes: false,
  unsupported: "waypoints are not supported",
  plainName: true,
};
const eastWest: GatewayClass = {
  controller: "istio.io/eastwest-controller",
  routes: false,
  unsupported: "gateways between networks are not supported",
  plainName: true,
};

const byController = new Map([ingress, waypoint, eastWest].map((known) => [known.controller, known]));

/** Classes that are there without an object. */
const builtIn: ReadonlyMap<string, GatewayClass> = new Map([
  ["istio", ingress],
  ["istio-waypoint", waypoint],
  ["istio-east-west", eastWest],
]);

/** Finds the class of a Gateway; undefined where it is another controller's. */
export function findClass(
  name: string,
  classes: readonly Config<GatewayClassSpec>[],
): GatewayClass | undefined {
  const object = classes.find((candidate) => candidate.name === name);
  return object ? byController.get(object.spec.controllerName) : builtIn.get(name);
}

/** Whether a GatewayClass is Istio's. */
export function isOwnClass({ spec }: Config<GatewayClassSpec>): boolean {
  return byController.has(spec.controllerName);
}
