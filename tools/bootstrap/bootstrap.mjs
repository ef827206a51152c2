// Run before `npm start` and `npm test`, by whatever Node the machine has (20 or newer), with no dependencies:
// installs the packages when node_modules is missing or older than the lock file, and generates what is not committed.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const bin = join(root, "node_modules/.bin");

const modified = (path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0);

function run(what, command, args) {
  process.stderr.write(`weft: ${what} …\n`);
  const started = Date.now();
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NX_DAEMON: "false", NX_TUI: "false" };
  const done = spawnSync(command, args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.status !== 0) {
    process.stderr.write(
      `${done.stdout ?? ""}${done.stderr ?? ""}weft: ${what} failed (${command} ${args.join(" ")})\n`,
    );
    process.exit(1);
  }
  process.stderr.write(`weft: ${what}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
}

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  process.stderr.write(
    `weft: Node.js ${process.versions.node} is too old to install with; 20 or newer is needed\n`,
  );
  process.exit(1);
}

// npm writes node_modules/.package-lock.json at the end of every install.
if (modified("node_modules/.package-lock.json") < modified("package-lock.json")) {
  run("installing packages", "npm", ["ci", "--no-audit", "--no-fund"]);
}
if (
  !existsSync(join(root, "libs/envoy-api/gen/.complete")) ||
  !existsSync(join(root, "libs/mesh-rpc/gen/.complete"))
) {
  run("generating message types", join(bin, "nx"), ["run-many", "-t", "generate"]);
}
