import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { formatObjectRef, type ObjectRef, type Problem } from "@weft/base";
import { type Violation, validateMessage, type WithheldResource } from "@weft/envoy-api";
import { shortTypeNames } from "./type-names.ts";

/** Reasons that one resource gives at most; the first are what is to be mended first. */
const maxReasons = 3;

/** Why Envoy would reject a message, by the rules that its API declares; undefined where it would take it. */
export function reasonToReject<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): string | undefined {
  return formatReasons(validateMessage(schema, message, { limit: maxReasons }));
}

/** Violations as one line; undefined where there are none. */
export function formatReasons(
  violations: readonly Pick<Violation, "path" | "message">[],
): string | undefined {
  if (violations.length === 0) return undefined;
  return violations
    .slice(0, maxReasons)
    .map(({ path, message }) => `${path}: ${message}`)
    .join("; ");
}

/** The problem that a withheld resource is to the one who wrote the objects it was made from. */
export function toProblem({ typeUrl, name, part, reason, origin }: WithheldResource): Problem {
  const [object, ...others] = origin;
  const what = `${shortTypeNames[typeUrl] ?? typeUrl} ${name}`;
  const where = part === undefined ? what : `virtual host ${part} of ${what}`;
  const from = others.length === 0 ? "" : ` (made from ${namesOf(others)} as well)`;
  return {
    severity: "error",
    code: "rejected-resource",
    path: "",
    message: `${where} is withheld, what proxies have of it stays: ${reason}${from}`,
    ...(object ? { object } : {}),
  };
}

function namesOf(refs: readonly ObjectRef[]): string {
  const names = [...new Set(refs.map(formatObjectRef))];
  return names.length <= maxReasons
    ? names.join(", ")
    : `${names.slice(0, maxReasons).join(", ")} and ${names.length - maxReasons} more`;
}
