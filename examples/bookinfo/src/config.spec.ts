import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFile } from "@weft/config-sources";

const folder = join(import.meta.dirname, "..");
const parse = (path: string) => parseFile(path, readFileSync(join(folder, path), "utf8"));
const filesOf = (name: string) => readdirSync(join(folder, name)).map((file) => join(name, file));

describe("bookinfo's YAML", () => {
  it.each([...filesOf("kube"), ...filesOf("istio"), ...filesOf("samples")])("%s has no problems", (path) => {
    const { objects, problems } = parse(path);
    expect(problems).toEqual([]);
    expect(objects.length).toBeGreaterThan(0);
  });

  it.each(filesOf("samples"))("%s is one VirtualService of the service it is named after", (path) => {
    const [, service] = /^samples\/([a-z]+)-/.exec(path) ?? [];
    expect(
      parse(path).objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ).toEqual([`VirtualService default/${service}`]);
  });
});
