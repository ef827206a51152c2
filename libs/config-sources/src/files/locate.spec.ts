import { LineCounter, parseDocument } from "yaml";
import { locate, splitPath } from "./locate.ts";

describe("splitPath()", () => {
  it.each([
    ["", []],
    ["spec", ["spec"]],
    ["spec.http[0].route[12].weight", ["spec", "http", "0", "route", "12", "weight"]],
    ["metadata.labels[app.kubernetes.io/name]", ["metadata", "labels", "app.kubernetes.io/name"]],
    ["spec.labels[]", ["spec", "labels", ""]],
  ])("%s → %j", (path, parts) => {
    expect(splitPath(path)).toEqual(parts);
  });
});

describe("locate()", () => {
  const text = `metadata:
  labels: {a.b/c: 1}
spec:
  http:
  - match: []
  - timeout: 5s
    route:
      - weight: 1
`;
  const lines = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: lines });
  it.each([
    ["", 1, 1],
    ["metadata.labels[a.b/c]", 2, 12],
    ["spec.http[1]", 6, 5],
    ["spec.http[1].timeout", 6, 5],
    ["spec.http[1].route[0].weight", 8, 9],
    ["spec.http[1].route[0].destination.host", 8, 9],
    ["spec.http[7]", 4, 3],
    ["status", 1, 1],
  ])("%s → %d:%d", (path, line, column) => {
    expect(locate(contents, path, { file: "f", lines })).toEqual({ file: "f", line, column });
  });
});
