import { policyTargetReference, policyTargetReferences, workloadSelector } from "../schema/scalars.ts";
import {
  type Check,
  type Infer,
  inCrd,
  list,
  message,
  oneOfWords,
  required,
  string,
} from "../schema/schema.ts";

const strings = list(string());
const serviceAccounts = list(inCrd(string(), { keywords: { maxLength: 320 } }), { max: 16 });

const accountsStandAlone: Check<Readonly<Record<string, unknown>>> = (source) =>
  (source.serviceAccounts !== undefined || source.notServiceAccounts !== undefined) &&
  [source.principals, source.notPrincipals, source.namespaces, source.notNamespaces].some(
    (field) => field !== undefined,
  )
    ? "serviceAccounts exclude namespaces and principals: a service account names its namespace itself"
    : undefined;

const source = inCrd(
  message(
    {
      principals: strings,
      notPrincipals: strings,
      requestPrincipals: strings,
      notRequestPrincipals: strings,
      namespaces: strings,
      notNamespaces: strings,
      serviceAccounts,
      notServiceAccounts: serviceAccounts,
      trustDomains: strings,
      notTrustDomains: strings,
      ipBlocks: strings,
      notIpBlocks: strings,
      remoteIpBlocks: strings,
      notRemoteIpBlocks: strings,
    },
    { check: accountsStandAlone },
  ),
  {
    validations: [
      {
        rule: "!(has(self.serviceAccounts) || has(self.notServiceAccounts)) || (!has(self.principals) && !has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces))",
        message: "Cannot set serviceAccounts with namespaces or principals",
      },
    ],
  },
);

const operation = message({
  hosts: strings,
  notHosts: strings,
  ports: strings,
  notPorts: strings,
  methods: strings,
  notMethods: strings,
  paths: strings,
  notPaths: strings,
});

const rule = message({
  from: list(message({ source }), { max: 512 }),
  to: list(message({ operation })),
  when: list(message({ key: required(string()), values: strings, notValues: strings })),
});

/** https://istio.io/latest/docs/reference/config/security/authorization-policy/ */
export const authorizationPolicySpec = message(
  {
    selector: workloadSelector,
    targetRef: policyTargetReference,
    targetRefs: policyTargetReferences,
    rules: list(rule, { max: 512 }),
    action: oneOfWords("ALLOW", "DENY", "AUDIT", "CUSTOM"),
    provider: message({ name: string() }),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);

/** `spec` of an AuthorizationPolicy. */
export type AuthorizationPolicy = Infer<typeof authorizationPolicySpec>;
/** Who (`from`) may do what (`to`) under which conditions (`when`); each must hold. */
export type AuthorizationRule = Infer<typeof rule>;
/** Properties of the client that must all hold. */
export type AuthorizationSource = Infer<typeof source>;
/** Properties of the request that must all hold. */
export type AuthorizationOperation = Infer<typeof operation>;
