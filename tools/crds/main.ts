// npm run crds [-- --check]: writes k8s/crds, one CustomResourceDefinition a file, from libs/istio-api.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { customResourceDefinitions } from "@weft/istio-api";
import { stringify } from "yaml";

const folder = resolve(import.meta.dirname, "../../k8s/crds");

const banner = "# Made from libs/istio-api by npm run crds.\n";

/** The files that there should be, by name. */
function files(): ReadonlyMap<string, string> {
  const definitions = customResourceDefinitions().map((definition) => {
    const { name } = definition.metadata as { readonly name: string };
    return [
      `${name}.yaml`,
      banner + stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false }),
    ] as const;
  });
  const resources = definitions.map(([name]) => name).sort();
  const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
  return new Map([...definitions, ["kustomization.yaml", banner + stringify(kustomization)]]);
}

async function write(wanted: ReadonlyMap<string, string>): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [name, text] of wanted) await writeFile(join(folder, name), text);
  process.stdout.write(`${wanted.size} files in k8s/crds\n`);
}

/** Names of files that are missing, too many, or other than they should be. */
async function differing(wanted: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const there = new Set(await readdir(folder));
  const extra = [...there].filter((name) => !wanted.has(name));
  const wrong: string[] = [];
  for (const [name, text] of wanted) {
    if (!there.has(name) || (await readFile(join(folder, name), "utf8")) !== text) wrong.push(name);
  }
  return [...extra, ...wrong];
}

if (process.argv.includes("--check")) {
  const wrong = await differing(files());
  if (wrong.length > 0) {
    process.stderr.write(
      `k8s/crds is not what libs/istio-api makes: ${wrong.join(", ")}; run npm run crds\n`,
    );
    process.exitCode = 1;
  }
} else {
  await write(files());
}
