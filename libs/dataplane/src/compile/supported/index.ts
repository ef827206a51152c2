import { clusterFields } from "./cluster-fields.ts";
import { http2Fields } from "./http2-fields.ts";
import { listenerFields } from "./listener-fields.ts";
import { routeFields } from "./route-fields.ts";
import { securityFields } from "./security-fields.ts";
import { tlsFields } from "./tls-fields.ts";

/** Which fields of a message type this proxy acts on. Fields in neither list are not implemented. */
export interface FieldSupport {
  /** Proto names of fields that are acted on, with blanks between. */
  readonly used: string;
  /** Fields that are taken and change nothing here, each with the reason why that is all right. */
  readonly withoutEffect?: Readonly<Record<string, string>>;
}

/**
 * Every message type that is checked field by field, by full name. Types that are not here (addresses, durations,
 * matchers …) are implemented as a whole, or checked where they are compiled.
 */
export const supportedFields: ReadonlyMap<string, FieldSupport> = new Map(
  Object.entries({
    ...clusterFields,
    ...http2Fields,
    ...listenerFields,
    ...routeFields,
    ...securityFields,
    ...tlsFields,
  }),
);
