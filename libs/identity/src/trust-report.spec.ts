import { formatTrustReport, parseTrustReport, type TrustReport } from "./trust-report.ts";

const [a, b] = ["a".repeat(64), "b".repeat(64)];
const report: TrustReport = { roots: [a, b], signedBy: a, notAfter: 1_900_000_000_000 };

describe("parseTrustReport()", () => {
  it("reads what was written, in whatever order", () => {
    expect(parseTrustReport(formatTrustReport(report))).toEqual(report);
    expect(parseTrustReport(formatTrustReport(report).toReversed())).toEqual(report);
  });

  it.each([
    ["nothing", []],
    ["no signer", [`root/${a}`, "not-after/1"]],
    ["no root", [`signed-by/${a}`, "not-after/1"]],
    ["no end", [`root/${a}`, `signed-by/${a}`]],
    ["two signers", [`root/${a}`, `signed-by/${a}`, `signed-by/${b}`, "not-after/1"]],
    ["two ends", [`root/${a}`, `signed-by/${a}`, "not-after/1", "not-after/2"]],
    ["something else", [...formatTrustReport(report), "x"]],
    ["a root that is none", [...formatTrustReport(report), "root/../x"]],
    ["too many roots", [...formatTrustReport(report), ...Array.from({ length: 40 }, () => `root/${b}`)]],
  ])("makes nothing of %s", (_what, names) => {
    expect(parseTrustReport(names)).toBeUndefined();
  });
});
