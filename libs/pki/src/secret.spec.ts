import { inspect } from "node:util";
import { createLogger } from "@weft/observability";
import { Secret } from "./secret.ts";

describe("Secret", () => {
  const secret = new Secret("hunter2");

  it("gives its value only when asked", () => {
    expect(secret.expose()).toBe("hunter2");
  });

  it("is redacted in text, JSON, inspection, spreading and logs", () => {
    const lines: string[] = [];
    const logger = createLogger({
      component: "x",
      pretty: false,
      destination: { write: (line) => lines.push(line) },
    });
    logger.info({ value: secret, deep: { list: [secret] } }, `${secret}`);
    const texts = [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
      JSON.stringify({ ...secret }),
      ...lines,
    ];
    for (const text of texts) expect(text).not.toContain("hunter2");
    expect(JSON.parse(lines[0]!)).toMatchObject({ value: "[redacted]", message: "[redacted]" });
  });
});
