import { parseDuration } from "@weft/base";
import type { Check, Infer, Schema } from "./schema.ts";
import {
  type CelRule,
  inCrd,
  integer,
  list,
  map,
  message,
  nonEmptyString,
  pattern,
  required,
  string,
} from "./schema.ts";

/** A duration of at least one millisecond, as protobuf JSON and Go write it: `5s`, `100ms`, `1h30m`. */
export function duration(): Schema<string> {
  const schema = string((value) => {
    const ms = parseDuration(value);
    if (ms === undefined)
      return `"${value}" is not a duration; write a number with a unit, as 5s, 100ms or 1h`;
    return ms >= 1 ? undefined : `"${value}" is too short; allowed are durations of 1ms and more`;
  });
  return inCrd(schema, {
    validations: [
      { rule: "duration(self) >= duration('1ms')", message: "must be a valid duration greater than 1ms" },
    ],
  });
}

/** A duration that may be zero. */
export function durationOrZero(): Schema<string> {
  const schema = string((value) => {
    const ms = parseDuration(value);
    return ms === undefined || ms < 0
      ? `"${value}" is not a duration; write a number with a unit, as 5s, 100ms or 0s`
      : undefined;
  });
  return inCrd(schema, {
    // A rule in CEL would be one more for each of thousands of subsets' ports, which the API server counts.
    keywords: { pattern: /^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$/.source },
  });
}

/** A TCP port, 1 to 65535. */
export function port(): Schema<number> {
  return inCrd(integer(1, 65535), {
    keywords: { minimum: 0, maximum: 4294967295 },
    validations: [{ rule: "0 < self && self <= 65535", message: "port must be between 1-65535" }],
  });
}

/** Kubernetes' IntOrString: a number, or a name that stands for one. */
export function integerOrString(): Schema<number | string> {
  return { rule: { kind: "integerOrString" } };
}

/** A name of an HTTP header. */
export function headerName(): Schema<string> {
  return pattern(/^[-_A-Za-z0-9]+$/, "a header name; allowed are letters, digits, - and _");
}

const noWildcard: Check<string> = (value) =>
  value.includes("*") ? `"${value}" holds a wildcard; a selector matches labels exactly` : undefined;

const selectorKey: Check<string> = (key) => (key === "" ? "a label name must not be empty" : noWildcard(key));

/** Lengths of Kubernetes' labels, without which rules about them cost too much. */
const labelLengths = { maxProperties: 4096 };

const labelValue = (rule: CelRule): Schema<string> =>
  inCrd(string(noWildcard), { keywords: { maxLength: 63 }, validations: [rule] });

/** Labels a selector asks for: no wildcards, no empty names. */
export const matchLabels = inCrd(
  map(
    labelValue({ rule: '!self.contains("*")', message: "wildcard not allowed in label value match" }),
    selectorKey,
  ),
  {
    keywords: labelLengths,
    validations: [
      { rule: 'self.all(key, !key.contains("*"))', message: "wildcard not allowed in label key match" },
      { rule: "self.all(key, key.size() != 0)", message: "key must not be empty" },
    ],
  },
);

/** `istio.type.v1beta1.WorkloadSelector`: pods that carry all of these labels. */
export const workloadSelector = message({ matchLabels });

/** `istio.networking.v1alpha3.WorkloadSelector`: the same under the older name. */
export const networkingWorkloadSelector = message({
  labels: inCrd(
    map(labelValue({ rule: '!self.contains("*")', message: "wildcard is not supported in selector" })),
    {
      keywords: { maxProperties: 256 },
    },
  ),
});

const dnsSubdomain = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `istio.type.v1beta1.PolicyTargetReference`: an object of the same namespace that a policy attaches to. */
export const policyTargetReference = message({
  group: inCrd(pattern(dnsSubdomain, "an API group; allowed are lower case letters, digits, - and ."), {
    keywords: { maxLength: 253 },
  }),
  kind: required(
    inCrd(pattern(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, "a kind, as Gateway or Service"), {
      keywords: { minLength: 1, maxLength: 63 },
    }),
  ),
  name: required(inCrd(nonEmptyString(), { keywords: { maxLength: 253 } })),
  namespace: inCrd(
    string((value) =>
      value === ""
        ? undefined
        : `"${value}" is another namespace; leave it out: targets are of the same namespace`,
    ),
    {
      validations: [
        { rule: "self.size() == 0", message: "cross namespace referencing is not currently supported" },
      ],
    },
  ),
});

/** Up to 16 targets. */
export const policyTargetReferences = list(policyTargetReference, { max: 16 });

/** Pods that carry all of these labels. */
export type WorkloadSelector = Infer<typeof workloadSelector>;
/** An object of the same namespace that a policy attaches to. */
export type PolicyTargetReference = Infer<typeof policyTargetReference>;
