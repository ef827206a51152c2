import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseLocalSettings } from "./local-settings.ts";

describe("parseLocalSettings()", () => {
  it("reads images, relative to the file, and traffic", () => {
    const { images, traffic } = parseLocalSettings(
      "images: {web: {workingDir: app, env: {A: 1}}}\ntraffic: [{path: /, weight: 2}, {path: /b, headers: {end-user: jason}}]",
      "/srv/local.yaml",
    );
    expect([...images]).toEqual([["web", { workingDir: "/srv/app", command: [], env: { A: "1" } }]]);
    expect(traffic).toEqual([
      { path: "/", headers: {}, weight: 2 },
      { path: "/b", headers: { "end-user": "jason" }, weight: 1 },
    ]);
  });

  it("reads the example of the README", () => {
    const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
    const [, example = ""] = /`local\.yaml`:\n\n((?: {4}.*\n)+)/.exec(readme) ?? [];
    const { images, traffic } = parseLocalSettings(example.replaceAll(/^ {4}/gm, ""), "/srv/local.yaml");
    expect([[...images.keys()], traffic.length]).toEqual([["shop/web:1.0"], 2]);
  });

  it.each([
    ["image: {}", "/srv/local.yaml: the file: image is unknown; allowed are images, traffic"],
    ["images: {web: {dir: x}}", 'images["web"]: dir is unknown; allowed are workingDir, command, env'],
    ["images: {web: {command: node}}", 'images["web"].command must be a list'],
    ["traffic: [{path: x}]", "traffic[0].path must start with /"],
    ["traffic: [{path: /, weight: 0}]", "traffic[0].weight must be a whole number from 1 to 100"],
    ["[", "/srv/local.yaml: "],
  ])("refuses %s", (text, message) => {
    expect(() => parseLocalSettings(text, "/srv/local.yaml")).toThrow(message);
  });
});
