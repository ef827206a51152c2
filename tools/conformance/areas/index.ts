import type { Area } from "../area.ts";
import { acceptedInputs } from "./accepted-inputs.ts";
import { authz } from "./authz.ts";
import { gatewayApi } from "./gateway-api.ts";
import { inboundClusters } from "./inbound-clusters.ts";
import { ingress } from "./ingress.ts";
import { inject } from "./inject.ts";
import { injectUnit } from "./inject-unit.ts";
import { proxyAccepts } from "./proxy-accepts.ts";
import { sidecarRoutes } from "./sidecar-routes.ts";
import { simulation } from "./simulation.ts";
import { validationCrd } from "./validation-crd.ts";

/** All areas, the plain ones first: what fails there fails everywhere. */
export const areas: readonly Area[] = [
  acceptedInputs("validation-dataset"),
  validationCrd,
  inject,
  injectUnit,
  acceptedInputs("samples"),
  acceptedInputs("xds-inputs"),
  proxyAccepts("xds-inputs"),
  proxyAccepts("samples"),
  proxyAccepts("integration-inputs"),
  gatewayApi,
  ingress,
  authz,
  simulation,
  sidecarRoutes,
  inboundClusters,
];
