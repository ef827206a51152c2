import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** A YAML file below a folder, by its path relative to it. */
export interface YamlFile {
  readonly path: string;
  readonly text: string;
}

/** All YAML files below a folder, in path order. */
export function readYamlFiles(folder: string): readonly YamlFile[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => ({ path: relative(folder, file), text: readFileSync(file, "utf8") }));
}

/** True for a Go template: such a file is no YAML until it is filled in. */
export function isTemplate(text: string): boolean {
  return /\{\{.*\}\}/.test(text);
}
