import type { Findings } from "../findings.ts";
import { isDnsLabel, isFqdn } from "../names.ts";

/** Checks names of gateways: `mesh`, `name`, `namespace/name`, or a host name as in Istio 1.0. */
export function checkGatewayNames(gateways: readonly string[] | undefined, findings: Findings): void {
  gateways?.forEach((name, i) => {
    const parts = name.split("/");
    const sound =
      parts.length === 1
        ? isFqdn(name)
        : parts.length === 2 && parts.every((part) => isDnsLabel(part) || part === ".");
    if (sound) return;
    const message = `"${name}" is not the name of a gateway; allowed are mesh, name and namespace/name`;
    findings.error(`gateways[${i}]`, "invalid-gateway", message);
  });
}
