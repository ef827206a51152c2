import type { HTTPDirectResponse, HTTPRedirect, HTTPRewrite } from "@weft/istio-api";
import type { Findings } from "../findings.ts";
import { checkPort } from "../names.ts";
import { regexMessage } from "../regex.ts";

/** Checks a redirect. */
export function checkRedirect(redirect: HTTPRedirect, findings: Findings): void {
  const { uri, prefixRewrite, authority, scheme, redirectCode, port, derivePort } = redirect;
  if (!uri && !prefixRewrite && !authority && !scheme && port === undefined && derivePort === undefined) {
    const allowed = "one of uri, prefixRewrite, authority, scheme, port and derivePort must be set";
    findings.error("", "invalid-redirect", `says not where to; ${allowed}`);
  }
  if (uri && prefixRewrite)
    findings.error(
      "prefixRewrite",
      "conflicting-fields",
      "must not be set beside uri: both replace the path",
    );
  if (redirectCode && (redirectCode < 300 || redirectCode > 399))
    findings.error(
      "redirectCode",
      "invalid-status",
      `${redirectCode} is no redirect; allowed are 300 to 399`,
    );
  if (scheme && scheme !== "http" && scheme !== "https")
    findings.error("scheme", "invalid-scheme", `"${scheme}" is not a scheme; allowed are http and https`);
  checkPort(port, "port", findings);
}

/** Largest body of a direct response, and the size from which it is a burden: it is sent with every route table. */
const maxBody = 1 << 20;
const largeBody = 100 << 10;

/** Checks an answer that the proxy gives itself. */
export function checkDirectResponse({ status, body }: HTTPDirectResponse, findings: Findings): void {
  if (status < 200 || status > 599)
    findings.error("status", "invalid-status", `${status} is not a status; allowed are 200 to 599`);
  const bytes = body?.string === undefined ? (body?.bytes ?? "").length : Buffer.byteLength(body.string);
  if (bytes > maxBody)
    findings.error("body", "body-too-large", `has ${bytes} bytes; allowed are up to ${maxBody}`);
  else if (bytes > largeBody)
    findings.warn(
      "body",
      "body-too-large",
      `has ${bytes} bytes, which every proxy keeps; better is under ${largeBody}`,
    );
}

/** Checks a change of path and authority. */
export function checkRewrite({ uri, authority, uriRegexRewrite }: HTTPRewrite, findings: Findings): void {
  if (!uri && !authority && !uriRegexRewrite)
    findings.error("", "invalid-rewrite", "says not what to rewrite; set uri, uriRegexRewrite or authority");
  if (uri && uriRegexRewrite)
    findings.error(
      "uriRegexRewrite",
      "conflicting-fields",
      "must not be set beside uri: both replace the path",
    );
  if (uriRegexRewrite === undefined) return;
  const { match = "", rewrite } = uriRegexRewrite;
  const message = regexMessage(match);
  if (message !== undefined) findings.error("uriRegexRewrite.match", "invalid-regex", message);
  if (!rewrite) findings.error("uriRegexRewrite.rewrite", "missing-field", "is missing; it must be set");
}
