/**
 * The field of a node's metadata by which a proxy asks for virtual hosts as resources of their own (VHDS); `"true"` asks. Weft's own:
 * docs/decisions/0011-virtual-hosts-as-resources.md says who sets it.
 */
export const hostDiscoveryField = "VIRTUAL_HOST_DISCOVERY";
