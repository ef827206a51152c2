import fc from "fast-check";
import { PkiError } from "./error.ts";
import { formatPem, maxPemBytes, parseOnePem, parsePem } from "./pem.ts";

describe("parsePem()", () => {
  it("reads what formatPem writes, with text around it and other line ends", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (list) => {
        const text = list.map((der, index) => `comment ${index}\n${formatPem("TEST DATA", der)}`).join("\n");
        for (const form of [text, text.replaceAll("\n", "\r\n")]) {
          expect(parsePem(form)).toEqual(list.map((der) => ({ label: "TEST DATA", der: Buffer.from(der) })));
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["-----BEGIN A-----\nAAAA\n", "PEM block A has no end"],
    ["-----BEGIN A-----\n-----BEGIN B-----\n", "PEM block A has no end"],
    ["-----END A-----", "END A without its BEGIN"],
    ["-----BEGIN A-----\nAAAA\n-----END B-----", "END B without its BEGIN"],
    ["-----BEGIN A-----\nA*AA\n-----END A-----", "not base64"],
    ["-----BEGIN A-----\nAAA\n-----END A-----", "not base64"],
    ["x".repeat(maxPemBytes + 1), "allowed are 1048576"],
  ])("refuses %.40j", (text, why) => {
    expect(() => parsePem(text)).toThrow(why);
  });

  it("throws nothing but its own error", () => {
    const line = fc.constantFrom("-----BEGIN A-----", "-----END A-----", "-----END B-----", "AAAA", "=", "é");
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          parsePem(lines.join("\n"));
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
    );
  });
});

describe("parseOnePem()", () => {
  it.each([
    ["", "expected one PEM block (B), found 0"],
    [formatPem("A", new Uint8Array(1)), "expected a PEM block B, found A"],
    [formatPem("B", new Uint8Array(1)).repeat(2), "found 2"],
  ])("refuses %j", (text, why) => {
    expect(() => parseOnePem(text, ["B"])).toThrow(why);
  });
});
