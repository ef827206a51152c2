import type { Metadata } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "@weft/envoy-api/envoy/config/core/v3/health_check_pb.js";
import type { LbEndpoint } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import type { Assignment, EdsHealth, Endpoint } from "../runtime/cluster-config.ts";
import { checkFields } from "./check-fields.ts";
import { type Compiled, compiled, Problems } from "./problems.ts";
import { compileAddress } from "./values.ts";

/** As in Envoy: a priority counts as wholly healthy down to 1/1.4 of its hosts. */
const defaultOverprovisioningPercent = 140;

/** Compiles an assignment of endpoints. */
export function compileEndpoints(message: ClusterLoadAssignment): Compiled<Assignment> {
  const problems = new Problems();
  problems.add(checkFields(ClusterLoadAssignmentSchema, message));
  return compiled(compileAssignment(message, "", problems), problems);
}

/** The same within another message (`load_assignment`), whose fields are checked already. */
export function compileAssignment(
  message: ClusterLoadAssignment,
  path: string,
  problems: Problems,
): Assignment {
  return {
    overprovisioningPercent: message.policy?.overprovisioningFactor ?? defaultOverprovisioningPercent,
    localities: message.endpoints.map(({ locality, lbEndpoints, loadBalancingWeight, priority }, at) => ({
      locality: {
        region: locality?.region ?? "",
        zone: locality?.zone ?? "",
        subZone: locality?.subZone ?? "",
      },
      priority,
      weight: loadBalancingWeight ?? 0,
      endpoints: lbEndpoints.flatMap((endpoint, index) =>
        compileEndpoint(endpoint, `${path}endpoints[${at}].lb_endpoints[${index}]`, problems),
      ),
    })),
  };
}

function compileEndpoint(message: LbEndpoint, path: string, problems: Problems): Endpoint[] {
  if (message.hostIdentifier.case !== "endpoint") {
    problems.error(`${path}.endpoint`, "not-implemented", "only endpoints given in place are implemented");
    return [];
  }
  const { address, hostname } = message.hostIdentifier.value;
  const where = compileAddress(address, `${path}.endpoint.address`, problems);
  if (where === undefined) return [];
  const weight = message.loadBalancingWeight ?? 1;
  if (weight < 1)
    problems.error(`${path}.load_balancing_weight`, "out-of-range", "is 0, at least 1 is needed");
  return [
    {
      ...where,
      hostname,
      weight,
      health: healthOf(message.healthStatus),
      metadata: filterMetadata(message.metadata),
    },
  ];
}

function healthOf(status: HealthStatus): EdsHealth {
  switch (status) {
    case HealthStatus.UNHEALTHY:
    case HealthStatus.TIMEOUT:
      return "unhealthy";
    case HealthStatus.DRAINING:
      return "draining";
    case HealthStatus.DEGRADED:
      return "degraded";
    default:
      return "healthy";
  }
}

/** What hosts must be by `metadata_match` fields, the later ones going before the earlier; undefined for no matter. */
export function subsetCriteria(
  ...matches: readonly (Metadata | undefined)[]
): Readonly<Record<string, unknown>> | undefined {
  const merged = Object.assign({}, ...matches.map((match) => filterMetadata(match)["envoy.lb"] ?? {}));
  return Object.keys(merged).length === 0 ? undefined : merged;
}

/** The metadata of Envoy's messages, by filter name, as plain values. */
export function filterMetadata(metadata: Metadata | undefined): Readonly<Record<string, unknown>> {
  return metadata?.filterMetadata ?? {};
}
