import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { isMap, LineCounter, parseAllDocuments } from "yaml";
import { LocalMeshError } from "./errors.ts";

/** A Kubernetes object as a file has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** A {@link Manifest} and where it stands. */
export interface SourcedManifest {
  readonly object: Manifest;
  readonly file: string;
  readonly line: number;
}

/** Most YAML files that one folder may hold, its subfolders included. */
const maxFiles = 2_000;

/** Paths of the YAML files in `folder` and below, sorted; hidden files and node_modules left out. */
export function listYamlFiles(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !relative(folder, file).split("/").some(isSkipped))
    .sort();
  if (files.length > maxFiles) {
    throw new LocalMeshError(
      "too-many-files",
      `${folder} holds ${files.length} YAML files; at most ${maxFiles} are read`,
    );
  }
  return files;
}

const isSkipped = (part: string) => part.startsWith(".") || part === "node_modules";

/**
 * Reads every Kubernetes object in a file, or in the YAML files of a folder and below. Documents without a `kind` are
 * left out: they are no objects (`local.yaml`).
 *
 * @throws LocalMeshError naming file and line where YAML cannot be parsed or an object has no name, or the path that is not there.
 */
export function readManifests(path: string): SourcedManifest[] {
  if (!existsSync(path)) throw new LocalMeshError("no-such-path", `${path}: there is no such file or folder`);
  const files = statSync(path).isDirectory() ? listYamlFiles(path) : [path];
  return files.flatMap((file) => parseManifests(readFileSync(file, "utf8"), file));
}

/** The objects in a YAML text; see {@link readManifests}. */
export function parseManifests(text: string, file: string): SourcedManifest[] {
  const lines = new LineCounter();
  const found: SourcedManifest[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    const [error] = document.errors;
    if (error !== undefined) {
      const line = lines.linePos(error.pos[0]).line;
      throw new LocalMeshError("bad-yaml", `${file}:${line}: ${error.message.split("\n")[0]}`);
    }
    if (!isMap(document.contents) || !document.contents.has("kind")) continue;
    const object = document.toJS() as Partial<Manifest>;
    const line = lines.linePos(document.contents.range?.[0] ?? 0).line;
    if (typeof object.metadata?.name !== "string" || typeof object.apiVersion !== "string") {
      throw new LocalMeshError(
        "bad-object",
        `${file}:${line}: a ${object.kind} needs apiVersion and metadata.name`,
      );
    }
    found.push({ object: object as Manifest, file, line });
  }
  return found;
}
