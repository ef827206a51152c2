import { parseText, snapshotOf } from "../testing/mesh.ts";
import { mtlsModeOf } from "./peer-authentication.ts";

const policy = (name: string, namespace: string, spec: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
`;
const snapshot = snapshotOf(
  parseText(
    [
      policy("mesh", "istio-system", "{ mtls: { mode: STRICT } }"),
      policy("all", "loose", "{ mtls: { mode: PERMISSIVE } }"),
      policy("unset", "passes", "{ mtls: { mode: UNSET } }"),
      policy(
        "web",
        "loose",
        '{ selector: { matchLabels: { app: web } }, mtls: { mode: DISABLE }, portLevelMtls: { "80": { mode: STRICT }, "81": { mode: UNSET } } }',
      ),
    ].join("---"),
  ),
);

describe("mtlsModeOf()", () => {
  it.each([
    ["elsewhere", "web", undefined, "STRICT"],
    ["loose", "api", undefined, "PERMISSIVE"],
    ["passes", "api", undefined, "STRICT"],
    ["loose", "web", undefined, "DISABLE"],
    ["loose", "web", 80, "STRICT"],
    ["loose", "web", 81, "DISABLE"],
    ["loose", "web", 82, "DISABLE"],
  ])("in %s for %s on port %s is %s", (namespace, app, port, mode) => {
    expect(
      mtlsModeOf(snapshot, { namespace, labels: { app }, ...(port === undefined ? {} : { port }) }),
    ).toBe(mode);
  });

  it("is PERMISSIVE where nobody said anything", () => {
    expect(mtlsModeOf(snapshotOf([]), { namespace: "a", labels: {} })).toBe("PERMISSIVE");
  });
});
