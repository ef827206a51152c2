import { selectsLabels } from "./label-selector.ts";

describe("selectsLabels()", () => {
  it.each([
    [{}, true],
    [{ matchLabels: { team: "shop" } }, true],
    [{ matchLabels: { team: "infra" } }, false],
    [{ matchExpressions: [{ key: "team", operator: "In", values: ["a", "shop"] }] }, true],
    [{ matchExpressions: [{ key: "stage", operator: "In", values: ["test"] }] }, false],
    [{ matchExpressions: [{ key: "team", operator: "NotIn", values: ["shop"] }] }, false],
    [{ matchExpressions: [{ key: "stage", operator: "NotIn", values: ["test"] }] }, true],
    [{ matchExpressions: [{ key: "team", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "team", operator: "DoesNotExist" }] }, false],
    [{ matchExpressions: [{ key: "team", operator: "Like", values: ["shop"] }] }, false],
    [{ matchLabels: { team: "shop" }, matchExpressions: [{ key: "stage", operator: "Exists" }] }, false],
  ])("%j: %s", (selector, expected) => {
    expect(selectsLabels(selector, { team: "shop" })).toBe(expected);
  });
});
