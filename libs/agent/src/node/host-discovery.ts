import { hostDiscoveryField } from "@weft/envoy-api";

/** The environment variable that decides; `true` or `false`. */
export const hostDiscoveryVariable = "WEFT_VIRTUAL_HOST_DISCOVERY";

/**
 * The node metadata by which a proxy asks for virtual hosts as resources: for Weft's proxy unless `given` is `false`, for Envoy where it
 * is `true`, as only young Envoys can. docs/decisions/0011-virtual-hosts-as-resources.md
 * @throws Error where `given` is neither
 */
export function hostDiscoveryMetadata(
  given: string | undefined,
  proxy: "weft" | "envoy",
): Readonly<Record<string, string>> {
  const asks = given || String(proxy === "weft");
  if (asks !== "true" && asks !== "false")
    throw new Error(`${hostDiscoveryVariable}: ${given} is not allowed, it must be true or false`);
  return asks === "true" ? { [hostDiscoveryField]: "true" } : {};
}
