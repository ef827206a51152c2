import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** The checkout that this file is in. */
export const checkout = resolve(import.meta.dirname, "../../..");

/**
 * A folder with recorded data that is no part of the project: `$WEFT_SHARED`, or `shared` beside the checkout;
 * with `path`, what is inside of it. Undefined where absent: tests that use it skip.
 */
export function sharedFolder(path = ""): string | undefined {
  const folder = join(process.env.WEFT_SHARED || resolve(checkout, "../shared"), path);
  return existsSync(folder) ? folder : undefined;
}
