import {
  duration,
  headerName,
  policyTargetReference,
  policyTargetReferences,
  workloadSelector,
} from "../schema/scalars.ts";
import {
  boolean,
  type Infer,
  inCrd,
  list,
  message,
  nonEmptyString,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";

const httpUrl = (): Schema<string> =>
  inCrd(
    string((value) => {
      if (value.length > 2048) return "is too long; allowed are up to 2048 characters";
      return /^https?:\/\/./.test(value) ? undefined : `"${value}" is not a URL with scheme http or https`;
    }),
    {
      keywords: { minLength: 1, maxLength: 2048 },
      validations: [
        {
          rule: 'isURL(self) && url(self).getScheme() in ["http", "https"]',
          message: "url must have scheme http:// or https://",
        },
      ],
    },
  );

const jwtRule = message(
  {
    issuer: nonEmptyString(),
    audiences: list(nonEmptyString()),
    jwksUri: httpUrl(),
    jwks_uri: httpUrl(),
    jwks: string(),
    fromHeaders: list(message({ name: required(nonEmptyString()), prefix: string() })),
    fromParams: list(nonEmptyString()),
    fromCookies: list(nonEmptyString()),
    outputPayloadToHeader: string(),
    outputClaimToHeaders: list(
      message({ header: required(headerName()), claim: required(nonEmptyString()) }),
    ),
    forwardOriginalToken: boolean(),
    timeout: duration(),
    spaceDelimitedClaims: list(nonEmptyString(), { max: 64 }),
  },
  { oneOf: [["jwksUri", "jwks_uri", "jwks"]] },
);

/** https://istio.io/latest/docs/reference/config/security/request_authentication/ */
export const requestAuthenticationSpec = message(
  {
    selector: workloadSelector,
    targetRef: policyTargetReference,
    targetRefs: policyTargetReferences,
    jwtRules: list(jwtRule, { max: 4096 }),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);

/** `spec` of a RequestAuthentication. */
export type RequestAuthentication = Infer<typeof requestAuthenticationSpec>;
/** Whose tokens are taken, where they stand in a request, and with which keys they are verified. */
export type JWTRule = Infer<typeof jwtRule>;
