import { workloadSelector } from "../schema/scalars.ts";
import { type Infer, inCrd, map, message, oneOfWords } from "../schema/schema.ts";

const mutualTLS = message({ mode: oneOfWords("UNSET", "DISABLE", "PERMISSIVE", "STRICT") });

const portKey = (key: string): string | undefined =>
  /^\d+$/.test(key) && Number(key) >= 1 && Number(key) <= 65535
    ? undefined
    : `"${key}" is not a port; allowed are 1 to 65535`;

const portLevelMtls = inCrd(map(mutualTLS, portKey), {
  keywords: { minProperties: 1, maxProperties: 4096 },
  validations: [
    { rule: "self.all(key, 0 < int(key) && int(key) <= 65535)", message: "port must be between 1-65535" },
  ],
});

/** https://istio.io/latest/docs/reference/config/security/peer_authentication/ */
export const peerAuthenticationSpec = inCrd(
  message(
    { selector: workloadSelector, mtls: mutualTLS, portLevelMtls },
    {
      check: ({ portLevelMtls, selector }) => {
        if (portLevelMtls === undefined) return undefined;
        if (Object.keys(portLevelMtls as object).length === 0) return "portLevelMtls must not be empty";
        const labels = (selector as { matchLabels?: object } | undefined)?.matchLabels ?? {}; // Checked as a field.
        return Object.keys(labels).length > 0
          ? undefined
          : "portLevelMtls needs a selector with matchLabels: ports belong to workloads";
      },
    },
  ),
  {
    validations: [
      {
        rule: "!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0)",
        message: "portLevelMtls requires selector",
      },
    ],
  },
);

/** `spec` of a PeerAuthentication. */
export type PeerAuthentication = Infer<typeof peerAuthenticationSpec>;
/** Whether a workload takes plain text beside mutual TLS. */
export type MutualTLS = Infer<typeof mutualTLS>;
