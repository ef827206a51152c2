import { createSink, serveJson } from "../../testing/io.ts";
import { objectStatus } from "./run.ts";

const entries = [
  { object: "Gateway edge/web", state: "ok", reasons: [] },
  { object: "HTTPRoute shop/web", state: "rejected", reasons: ["Accepted=False", "no such port"] },
  { object: "VirtualService shop/web", state: "warning", reasons: ["spec.http[0]: has no effect"] },
];

async function run(asked: string | undefined, served: readonly object[] = entries) {
  const pilot = await serveJson({ "/debug/object_status": served });
  const sink = createSink();
  const options = { env: {}, output: "short", xdsAddress: pilot.address } as const;
  const code = await objectStatus(asked, options, sink.stream);
  await pilot.close();
  return { code, lines: sink.text().trimEnd().split("\n") };
}

describe("objectStatus()", () => {
  it("says what is wrong, a line for each reason", async () => {
    expect(await run(undefined)).toEqual({
      code: 1,
      lines: [
        "OBJECT                    STATE      REASON",
        "HTTPRoute shop/web        rejected   Accepted=False",
        "                                     no such port",
        "VirtualService shop/web   warning    spec.http[0]: has no effect",
      ],
    });
  });

  it.each([
    ["virtualservice", 0, ["VirtualService shop/web"]],
    ["HTTPRoute/web", 1, ["HTTPRoute shop/web"]],
    ["gateway/edge/web", 0, ["Gateway edge/web"]],
    ["gateway/other/web", 0, []],
  ])("tells of %s alone", async (asked, code, objects) => {
    const result = await run(asked);
    expect(result.code).toBe(code);
    const found = result.lines.filter(
      (line) => /^[A-Z][a-z]\w* \w/.test(line) || line.startsWith("HTTPRoute"),
    );
    expect(found.map((line) => line.split("   ")[0]?.trim())).toEqual(objects);
  });

  it("says that nothing is wrong", async () => {
    expect(await run(undefined, [])).toEqual({ code: 0, lines: ["every object is in effect"] });
  });
});
