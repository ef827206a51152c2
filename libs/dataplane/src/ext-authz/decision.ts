import type { AppendAction } from "../runtime/route.ts";

/** A header that an authorizer asks for; `name` in lower case. */
export interface AuthzHeader {
  readonly name: string;
  readonly value: string;
  readonly action: AppendAction | "append-if-exists";
}

/** What is changed of a request that may pass. */
export interface AuthzChanges {
  readonly requestHeaders: readonly AuthzHeader[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeaders: readonly AuthzHeader[];
  readonly queryToSet: readonly (readonly [name: string, value: string])[];
  readonly queryToRemove: readonly string[];
}

/** What an authorizer says. `error`: nothing that could be understood, or nothing at all. */
export type AuthzDecision =
  | { readonly kind: "ok"; readonly changes: AuthzChanges; readonly metadata?: AuthzMetadata }
  | {
      readonly kind: "denied";
      readonly status: number;
      readonly headers: readonly AuthzHeader[];
      readonly body: Uint8Array | string;
      readonly metadata?: AuthzMetadata;
    }
  | { readonly kind: "error" };

/** For the dynamic metadata of the filter. */
export type AuthzMetadata = Readonly<Record<string, unknown>>;

/** Nothing is changed. */
export const noChanges: AuthzChanges = {
  requestHeaders: [],
  requestHeadersToRemove: [],
  responseHeaders: [],
  queryToSet: [],
  queryToRemove: [],
};

const token = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsendable = /[\0-\x08\x0a-\x1f\x7f]/;

/** False for a header that could not be sent as one: what asks for it is not to be trusted with the request. */
export function isSendable({ name, value }: AuthzHeader): boolean {
  return token.test(name) && !unsendable.test(value);
}
