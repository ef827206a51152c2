import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { CheckedMesh } from "./check.ts";

/** Adds objects to the mesh's configuration, in a file of their own, while `use` runs. */
export async function withObjects<T>(
  mesh: CheckedMesh,
  objects: readonly object[],
  use: () => Promise<T>,
): Promise<T> {
  const file = join(mesh.configFolder, "weft-check.yaml");
  writeFileSync(file, objects.map((object) => stringify(object)).join("---\n"));
  try {
    return await use();
  } finally {
    rmSync(file);
  }
}
