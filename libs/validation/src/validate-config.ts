import type { Problem } from "@weft/base";
import type { DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService } from "@weft/istio-api";
import { type Config, type MeshObject, readConfig } from "@weft/mesh-model";
import { checkDestinationRule } from "./destination-rule/index.ts";
import { createFindings, type Findings } from "./findings.ts";
import { checkGateway } from "./gateway/index.ts";
import { checkServiceEntry } from "./service-entry.ts";
import { checkSidecar } from "./sidecar.ts";
import { checkVirtualService } from "./virtual-service/index.ts";

interface Validator {
  readonly kind: string;
  readonly check: (object: MeshObject, findings: Findings) => void;
}

const group = "networking.istio.io/";

/** The kinds that have rules beyond their structure; their order says nothing. */
const validators: readonly Validator[] = [
  of<VirtualService>("VirtualService", checkVirtualService),
  of<DestinationRule>("DestinationRule", checkDestinationRule),
  of<Gateway>("Gateway", checkGateway),
  of<Sidecar>("Sidecar", checkSidecar),
  of<ServiceEntry>("ServiceEntry", checkServiceEntry),
];

function of<Spec>(kind: string, check: (config: Config<Spec>, findings: Findings) => void): Validator {
  return { kind, check: (object, findings) => check(readConfig<Spec>(object), findings) };
}

/**
 * Checks the meaning of one configuration object whose structure is sound (`validateObject` of istio-api): names,
 * ranges, fields that contradict each other. An error withholds the object, a warning does not. Problems are in the
 * order of the fields. Objects of other kinds have none.
 */
export function validateConfig(object: MeshObject): readonly Problem[] {
  if (!object.apiVersion.startsWith(group)) return [];
  const problems: Problem[] = [];
  const findings = createFindings(problems, "spec");
  validators.find(({ kind }) => kind === object.kind)?.check(object, findings);
  return problems;
}
