import { parseDuration } from "@weft/base";
import type { Check, Infer, Schema } from "./schema.ts";
import { integer, list, map, message, nonEmptyString, pattern, required, string } from "./schema.ts";

/** A duration of at least one millisecond, as protobuf JSON and Go write it: `5s`, `100ms`, `1h30m`. */
export function duration(): Schema<string> {
  return string((value) => {
    const ms = parseDuration(value);
    if (ms === undefined)
      return `"${value}" is not a duration; write a number with a unit, as 5s, 100ms or 1h`;
    return ms >= 1 ? undefined : `"${value}" is too short; allowed are durations of 1ms and more`;
  });
}

/** A duration that may be zero. */
export function durationOrZero(): Schema<string> {
  return string((value) => {
    const ms = parseDuration(value);
    return ms === undefined || ms < 0
      ? `"${value}" is not a duration; write a number with a unit, as 5s, 100ms or 0s`
      : undefined;
  });
}

/** A TCP port, 1 to 65535. */
export function port(): Schema<number> {
  return integer(1, 65535);
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

/** Labels a selector asks for: no wildcards, no empty names. */
export const matchLabels = map(string(noWildcard), selectorKey);

/** `istio.type.v1beta1.WorkloadSelector`: pods that carry all of these labels. */
export const workloadSelector = message({ matchLabels });

/** `istio.networking.v1alpha3.WorkloadSelector`: the same under the older name. */
export const networkingWorkloadSelector = message({ labels: map(string(noWildcard)) });

const dnsSubdomain = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** `istio.type.v1beta1.PolicyTargetReference`: an object of the same namespace that a policy attaches to. */
export const policyTargetReference = message({
  group: pattern(dnsSubdomain, "an API group; allowed are lower case letters, digits, - and ."),
  kind: required(pattern(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, "a kind, as Gateway or Service")),
  name: required(nonEmptyString()),
  namespace: string((value) =>
    value === ""
      ? undefined
      : `"${value}" is another namespace; leave it out: targets are of the same namespace`,
  ),
});

/** Up to 16 targets. */
export const policyTargetReferences = list(policyTargetReference, { max: 16 });

/** Pods that carry all of these labels. */
export type WorkloadSelector = Infer<typeof workloadSelector>;
/** An object of the same namespace that a policy attaches to. */
export type PolicyTargetReference = Infer<typeof policyTargetReference>;
