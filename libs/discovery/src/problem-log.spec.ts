import { createLogger } from "@weft/observability";
import { createProblemLog } from "./problem-log.ts";

describe("createProblemLog()", () => {
  it("logs a problem once for as long as it stands", () => {
    const lines: string[] = [];
    const log = createProblemLog(
      createLogger({ component: "test", pretty: false, destination: { write: (line) => lines.push(line) } }),
    );
    const problem = (message: string) => ({ severity: "error" as const, code: "c", path: "spec", message });
    log.report([problem("one"), problem("one")]);
    log.next();
    log.report([problem("one"), problem("two")]);
    log.next();
    log.next();
    log.report([problem("one")]);
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["spec: one", "spec: two", "spec: one"]);
  });
});
