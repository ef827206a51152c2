import { formatProblem, type Problem } from "@weft/base";
import fc from "fast-check";
import { parseFile } from "./parse-file.ts";

const service = (name: string, more = "") => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  ports: [{port: 80}]
${more}`;

const lines = (text: string, check?: Parameters<typeof parseFile>[2]) =>
  parseFile("f.yaml", text, check).problems.map(formatProblem);

describe("parseFile()", () => {
  it("reads several documents and JSON", () => {
    const { objects, problems } = parseFile(
      "f.yaml",
      `${service("a")}---\n---\n# nothing\n---\n${service("b")}`,
    );
    expect(problems).toEqual([]);
    expect(objects).toMatchObject([
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "a", namespace: "default", labels: {}, annotations: {} },
        body: { spec: { ports: [{ port: 80 }] } },
        position: { file: "f.yaml", line: 1 },
      },
      { metadata: { name: "b" }, position: { line: 10 } },
    ]);
    expect(parseFile("f.json", JSON.stringify(objects[0])).objects).toHaveLength(1);
  });

  it("reads lists, and tells lines inside them", () => {
    const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: a}
- apiVersion: v1
  kind: Service
  metadata: {name: b}
  spec:
    ports:
    - port: http
`;
    const { objects, broken } = parseFile("f.yaml", text);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(["a"]);
    expect(broken).toEqual(["/Service/default/b"]);
    expect(lines(text)).toEqual([
      'f.yaml:12: Service default/b: spec.ports[0].port: is the string "http"; it must be an integer',
    ]);
  });

  it("knows the scope of kinds", () => {
    const node = "apiVersion: v1\nkind: Node\nmetadata: {name: n, namespace: x}\n";
    expect(parseFile("f", node).objects[0]?.metadata.namespace).toBe("");
  });

  it("drops nulls, which mean absent", () => {
    const { objects } = parseFile(
      "f",
      "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: null}\n",
    );
    expect(objects[0]?.body).toEqual({ spec: {} });
  });

  it.each([
    ["a: [", "f.yaml:1: Flow sequence in block collection"],
    ["a: 1\na: 2\n", "f.yaml:2: Map keys must be unique"],
    ["kind: Service\n", "f.yaml:1: apiVersion: is missing; it must be set"],
    [
      "apiVersion: v1\nkind: Service\nmetadata: {}\n",
      "f.yaml:3: Service : metadata.name: is missing; it must be set",
    ],
    ["values: 1\n", "f.yaml:1: is not read: it is no Kubernetes object, having neither apiVersion nor kind"],
    ["just text\n", "f.yaml:1: is not read"],
  ])("tells of %j", (text, line) => {
    expect(lines(text)).toEqual(expect.arrayContaining([expect.stringContaining(line)]));
  });

  it("withholds what a check refuses, and only that", () => {
    const check = ({ metadata }: { metadata: { name: string } }): readonly Problem[] =>
      metadata.name === "ok"
        ? []
        : [
            {
              severity: metadata.name === "bad" ? "error" : "warning",
              code: "c",
              path: "spec.ports",
              message: "odd",
            },
          ];
    const text = [service("ok"), service("bad"), service("warned")].join("---\n");
    const { objects, broken } = parseFile("f.yaml", text, check);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(["ok", "warned"]);
    expect(broken).toEqual(["/Service/default/bad"]);
    expect(lines(text, check)).toEqual([
      "f.yaml:11: Service default/bad: spec.ports: odd",
      "f.yaml:17: Service default/warned: spec.ports: odd",
    ]);
  });

  it("refuses documents that blow themselves up", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 9; i++) {
      const before = String.fromCharCode(96 + i);
      const letter = String.fromCharCode(97 + i);
      bomb.push(`${letter}: &${letter} [${Array(9).fill(`*${before}`).join(", ")}]`);
    }
    const { unreadable, problems } = parseFile("f", bomb.join("\n"));
    expect(unreadable).toBe(true);
    expect(problems).toMatchObject([{ code: "invalid-yaml", message: expect.stringContaining("alias") }]);
  });

  it("never throws", () => {
    const text = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
    );
    const whole = fc
      .tuple(text, fc.jsonValue())
      .map(
        ([head, spec]) =>
          `${head}\n---\n${JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: spec, spec })}`,
      );
    fc.assert(fc.property(whole, (input) => Array.isArray(parseFile("f", input).problems)));
  });
});
