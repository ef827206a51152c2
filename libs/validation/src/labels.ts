import type { Findings } from "./findings.ts";

const labelName =
  /^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?\/)?[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?$/;
const labelValue = /^([a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?)?$/;

/** Checks labels: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
  findings: Findings,
): void {
  for (const [name, value] of Object.entries(labels ?? {})) {
    if (!labelName.test(name))
      findings.error(`${path}[${name}]`, "invalid-label", `"${name}" is not a label's name`);
    if (!labelValue.test(value))
      findings.error(`${path}[${name}]`, "invalid-label", `"${value}" is not a label's value`);
  }
}
