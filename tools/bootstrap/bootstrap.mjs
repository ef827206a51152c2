// Run before `npm start` and `npm test`, by whatever Node the machine has (20 or newer), with no dependencies:
// installs the packages when node_modules is missing or made from another lock file, and generates what is not committed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const bin = join(root, "node_modules/.bin");

/** The hash of the lock file that node_modules was made from, and of the sources that `gen` was made from. */
const installed = join(root, "node_modules/.weft-installed");
const generated = join(root, "node_modules/.weft-generated");

const hashFiles = (files) => {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest("hex");
};

const isStamped = (stamp, hash) => existsSync(stamp) && readFileSync(stamp, "utf8") === hash;

/** What generation reads: the .proto files, and the scripts beside the libs' package.json. */
function generatorInputs() {
  const protos = readdirSync(join(root, "proto"), { recursive: true }).map((file) => join("proto", file));
  const scripts = readdirSync(join(root, "libs")).flatMap((lib) =>
    readdirSync(join(root, "libs", lib)).map((file) => join("libs", lib, file)),
  );
  return ["package-lock.json", ...protos, ...scripts]
    .filter((file) => /\.(proto|ts|json)$/.test(file))
    .sort();
}

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

// Not `npm ci`: it refuses a lock file without the packages of platforms that a registry does not carry.
// With --no-save the lock file decides every version and is not written.
const lock = hashFiles(["package-lock.json"]);
if (!isStamped(installed, lock)) {
  run("installing packages", "npm", ["install", "--no-save", "--no-audit", "--no-fund"]);
  writeFileSync(installed, lock);
}
const inputs = hashFiles(generatorInputs());
if (!isStamped(generated, inputs) || !hasGenerated("envoy-api") || !hasGenerated("mesh-rpc")) {
  run("generating message types", join(bin, "nx"), ["run-many", "-t", "generate"]);
  writeFileSync(generated, inputs);
}

/** A generation that was cut off leaves no such file. */
function hasGenerated(lib) {
  return existsSync(join(root, "libs", lib, "gen/.complete"));
}
