// Gives every workspace package its nx targets, so that no package.json repeats them:
//   test   its specs               lint   format and lint of its folder
//   serve  apps only: run it alone, restarted when its sources change
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const jest = "node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js";

/** @type {import("@nx/devkit").CreateNodesV2} */
export const createNodesV2 = [
  "{apps,libs,examples}/*/package.json",
  (files, _options, context) => files.map((file) => [file, nodeFor(dirname(file), context.workspaceRoot)]),
];

function nodeFor(root, workspaceRoot) {
  const run = (command, more = {}) => ({ executor: "nx:run-commands", options: { command }, ...more });
  const targets = {
    test: run(`${jest} --passWithNoTests ${root}/`, {
      cache: true,
      inputs: ["default", "^default"],
      dependsOn: ["generate", "^generate"],
    }),
    lint: run(`biome check --error-on-warnings ${root}`, { cache: true, inputs: ["default"] }),
  };
  if (root.startsWith("apps/") && existsSync(join(workspaceRoot, root, "src/main.ts"))) {
    targets.serve = run(`node --watch ${root}/src/main.ts`, { continuous: true, dependsOn: ["^generate"] });
  }
  return { projects: { [root]: { name: basename(root), targets } } };
}
