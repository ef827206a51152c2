import type { HeaderOperations, Headers } from "@weft/istio-api";
import type { Findings } from "../findings.ts";

/** Whether a text is a token as header names are: https://www.rfc-editor.org/rfc/rfc9110#name-tokens */
export function isHeaderName(name: string): boolean {
  return /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name);
}

/** Checks changes to the headers of requests and responses. */
export function checkHeaders(headers: Headers | undefined, findings: Findings): void {
  if (headers?.request) checkOperations(headers.request, findings.at("request"));
  if (headers?.response) checkOperations(headers.response, findings.at("response"));
}

function checkOperations(operations: HeaderOperations, findings: Findings): void {
  for (const field of ["set", "add"] as const) {
    for (const [name, value] of Object.entries(operations[field] ?? {})) {
      const path = `${field}[${name}]`;
      checkName(name, path, findings);
      if (!isFormat(value)) {
        const message = `"${value}" has a % that starts no command; write %% for a % itself`;
        findings.error(path, "invalid-header-value", message);
      }
    }
  }
  operations.remove?.forEach((name, i) => {
    checkName(name, `remove[${i}]`, findings);
  });
}

function checkName(name: string, path: string, findings: Findings): void {
  if (!isHeaderName(name.replace(/^:/, "")))
    findings.error(path, "invalid-header-name", `"${name}" is not the name of a header`);
}

/**
 * Whether every % of a value is doubled or part of a command, as in %START_TIME(%Y)% or %REQ(x)%.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
function isFormat(value: string): boolean {
  return /^(?:[^%]|%%|%[A-Z_0-9]+(?:\((?:[^)"]|"[^"]*")*\))?(?::\d+)?%)*$/.test(value);
}
