import { parseDuration } from "@weft/base";
import type { CorsPolicy } from "@weft/istio-api";
import { each, type Findings } from "../findings.ts";
import { regexMessage } from "../regex.ts";
import { isHeaderName } from "./headers.ts";

const methods: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "*",
];

/** Checks what browsers of other origins may do. */
export function checkCors(policy: CorsPolicy, findings: Findings): void {
  each(policy.allowOrigins, "allowOrigins", findings, ({ exact, prefix, regex }, at) => {
    if (!exact && !prefix && !regex) at.error("", "empty-match", "is empty; set exact, prefix or regex");
    const message = regex ? regexMessage(regex) : undefined;
    if (message !== undefined) at.error("regex", "invalid-regex", message);
  });
  each(policy.allowMethods, "allowMethods", findings, (method, at) => {
    if (!methods.includes(method))
      at.error("", "invalid-method", `"${method}" is not a method; allowed are ${methods.join(", ")}`);
  });
  for (const field of ["allowHeaders", "exposeHeaders"] as const) {
    each(policy[field], field, findings, (name, at) => {
      if (!isHeaderName(name)) at.error("", "invalid-header-name", `"${name}" is not the name of a header`);
    });
  }
  const maxAge = policy.maxAge === undefined ? 0 : (parseDuration(policy.maxAge) ?? 0);
  // The header it becomes counts in seconds.
  if (maxAge % 1000 !== 0)
    findings.error(
      "maxAge",
      "invalid-duration",
      `"${policy.maxAge}" is finer than seconds; allowed are whole ones`,
    );
}
