import { createLogger } from "@weft/observability";
import { createProblemLog } from "./problem-log.ts";

describe("createProblemLog()", () => {
  it("logs a problem once for as long as it stands", () => {
    const lines: string[] = [];
    const log = createProblemLog(
      createLogger({ component: "test", pretty: false, destination: { write: (line) => lines.push(line) } }),
    );
    const problem = (message: string) => ({ severity: "error" as const, code: "c", path: "spec", message });
    const [a, b] = [{}, {}];
    expect(log.report(a, [problem("one"), problem("one")])).toHaveLength(1);
    log.report(b, [problem("one")]);
    log.report(a, [problem("two")]);
    expect(log.add(a, [problem("one"), problem("two")])).toEqual([]);
    log.report(a, []);
    log.forget(b);
    expect(log.report(a, [problem("one")])).toHaveLength(1);
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["spec: one", "spec: two", "spec: one"]);
  });
});
