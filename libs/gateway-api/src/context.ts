import type { GatewayApiInput } from "./input.ts";
import type { Grants } from "./references/grants.ts";

/** What every part of the conversion looks things up in. */
export interface Context {
  readonly input: GatewayApiInput;
  readonly grants: Grants;
}
