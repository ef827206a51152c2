/**
 * Generates the messages and services of Weft's own protocols (`proto/weft`), and those of Istio's that Weft serves
 * (`proto/istio`), into `gen/`.
 * What comes out: `gen/<proto path>_pb.js` and `.d.ts`. Run by `npm run generate` (cached by nx), never by hand.
 */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const out = join(import.meta.dirname, "gen");
const template = {
  version: "v2",
  plugins: [
    {
      local: join(root, "node_modules/.bin/protoc-gen-es"),
      out,
      opt: ["target=js+dts", "import_extension=js"],
      strategy: "all",
    },
  ],
};

rmSync(out, { recursive: true, force: true });
execFileSync(
  join(root, "node_modules/.bin/buf"),
  [
    "generate",
    "--template",
    JSON.stringify(template),
    "--path",
    "proto/weft",
    "--path",
    "proto/istio",
    "proto",
  ],
  { cwd: root, stdio: "inherit" },
);
// The bootstrap looks for this file: a generation that was cut off leaves none.
writeFileSync(join(out, ".complete"), "");
