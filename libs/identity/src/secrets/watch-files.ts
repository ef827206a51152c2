import { readFile } from "node:fs/promises";
import { type Clock, contentHash } from "@weft/base";

/** Time between two looks; a mounted Secret takes about a minute to change. */
const periodMs = 2_000;

/**
 * Looks at files every two seconds and calls back when the content of one is another than at the look before; Kubernetes swaps whole folders by symbolic links,
 * which watches of the file system miss. The function returned ends it.
 */
export function watchFiles(files: readonly string[], clock: Clock, onChange: () => void): () => void {
  let closed = false;
  let cancel = () => {};
  let seen: string | undefined;
  const look = async () => {
    const hashes = await Promise.all(files.map(hashOf));
    if (closed) return;
    const now = hashes.join(" ");
    const changed = seen !== undefined && seen !== now;
    seen = now;
    cancel = clock.after(periodMs, () => void look());
    if (changed) onChange();
  };
  void look();
  return () => {
    closed = true;
    cancel();
  };
}

async function hashOf(file: string): Promise<string> {
  try {
    return contentHash(await readFile(file));
  } catch {
    return "-"; // Not there (yet), which is a state as any other; whoever reads it says so.
  }
}
