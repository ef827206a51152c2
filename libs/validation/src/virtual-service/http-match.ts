import type { HTTPMatchRequest, StringMatch } from "@weft/istio-api";
import type { Findings } from "../findings.ts";
import { checkLabels } from "../labels.ts";
import { checkPort, isDnsLabel } from "../names.ts";
import { regexMessage } from "../regex.ts";
import { checkGatewayNames } from "./gateway-names.ts";
import { isHeaderName } from "./headers.ts";

/** Checks one match of an HTTP route. */
export function checkHttpMatch(match: HTTPMatchRequest, findings: Findings): void {
  for (const field of ["uri", "scheme", "method", "authority"] as const)
    checkStringMatch(match[field], field, findings);
  for (const field of ["headers", "withoutHeaders", "queryParams"] as const) {
    for (const [name, value] of Object.entries(match[field] ?? {})) {
      const path = `${field}[${name}]`;
      // For headers "*" is an old way to say that the header is there.
      if (field === "queryParams" || value.regex !== "*") checkStringMatch(value, path, findings);
      if (field === "queryParams" ? name === "" : !isMatchName(name))
        findings.error(path, "invalid-name", `"${name}" is not a name to match`);
    }
  }
  checkPort(match.port, "port", findings);
  checkSource(match, findings);
  checkGatewayNames(match.gateways, findings);
}

/** Headers, pseudo headers, and `@request.auth.claims…`, which stands for claims of a token. */
function isMatchName(name: string): boolean {
  return isHeaderName(name.replace(/^:/, "")) || name.startsWith("@request.auth.claims");
}

/** Checks what a match says of the client. */
export function checkSource(
  match: { readonly sourceNamespace?: string; readonly sourceLabels?: Readonly<Record<string, string>> },
  findings: Findings,
): void {
  const { sourceNamespace, sourceLabels } = match;
  if (sourceNamespace !== undefined && sourceNamespace !== "" && !isDnsLabel(sourceNamespace))
    findings.error("sourceNamespace", "invalid-name", `"${sourceNamespace}" is not the name of a namespace`);
  checkLabels(sourceLabels, "sourceLabels", findings);
}

function checkStringMatch(match: StringMatch | undefined, path: string, findings: Findings): void {
  if (match === undefined) return;
  if (match.prefix === "")
    findings.error(
      `${path}.prefix`,
      "empty-match",
      "is an empty prefix; leave the match out to match everything",
    );
  const message = match.regex === undefined ? undefined : regexMessage(match.regex);
  if (message !== undefined) findings.error(`${path}.regex`, "invalid-regex", message);
}
