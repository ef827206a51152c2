/**
 * Generates Envoy's message types into `gen/` from the .proto files that `@grpc/grpc-js-xds` ships.
 *
 * What goes in: every v3 package of Envoy's API, the xds and udpa types they use, and what they
 * import of this project's `proto/`. What comes out: `gen/<proto path>_pb.js` and `.d.ts`, and `gen/types.cjs`,
 * which finds (and only then loads) the file of a message type by the type's name.
 * Run by `npm run generate` (cached by nx), never by hand. A new version of the package may need `proto-updates.ts` changed.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { protoUpdates } from "./proto-updates.ts";

const here = import.meta.dirname;
const root = resolve(here, "../..");
const require = createRequire(import.meta.url);
const deps = join(dirname(require.resolve("@grpc/grpc-js-xds/package.json")), "deps");
const staging = join(root, "node_modules/.cache/weft-protos");
/** Made here, and moved to its place as a whole: who runs meanwhile finds the old or the new. */
const out = join(root, "node_modules/.cache/weft-envoy-api");

/** Folders of the shipped .proto files, each with the pattern of what is taken from it. */
const sources: readonly (readonly [folder: string, pattern: string])[] = [
  ["envoy-api", "envoy/**/v3/*.proto"],
  ["envoy-api", "envoy/annotations/*.proto"],
  ["xds", "xds/**/*.proto"],
  ["xds", "udpa/**/*.proto"],
  ["googleapis", "google/rpc/{status,code}.proto"],
  ["googleapis", "google/api/{annotations,http}.proto"],
  ["googleapis", "google/api/expr/v1alpha1/{checked,syntax}.proto"],
];

/** Files of this project that Envoy's import. */
const ours = ["validate/validate.proto", "opentelemetry/proto/common/v1/common.proto"];

/** Files that import packages which are not shipped (OpenCensus, Prometheus). */
const left = new Set([
  "envoy/config/trace/v3/opencensus.proto",
  "envoy/config/trace/v3/trace.proto",
  "envoy/service/metrics/v3/metrics_service.proto",
  "envoy/service/trace/v3/trace_service.proto",
]);

function update(file: string, source: string): string {
  let text = source.replaceAll("\r\n", "\n");
  for (const { find, becomes } of protoUpdates.filter((entry) => entry.file === file)) {
    const updated = text.replace(find, becomes);
    if (updated === text) throw new Error(`${file}: no ${find} to update`);
    text = updated;
  }
  return text;
}

function stage(): void {
  rmSync(staging, { recursive: true, force: true });
  const copy = (from: string, file: string) => {
    const target = join(staging, file);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, update(file, readFileSync(join(from, file), "utf8")));
  };
  for (const [folder, pattern] of sources) {
    const from = join(deps, folder);
    for (const file of globSync(pattern, { cwd: from })) {
      if (!left.has(file)) copy(from, file);
    }
  }
  for (const file of ours) copy(join(root, "proto"), file);
  writeFileSync(join(staging, "buf.yaml"), "version: v2\n");
}

function generate(): void {
  const template = {
    version: "v2",
    plugins: [
      {
        local: join(root, "node_modules/.bin/protoc-gen-es"),
        out,
        opt: ["target=js+dts", "import_extension=js"],
        // One run of the plugin for all files; buf's default is one per folder, which takes 25 times as long.
        strategy: "all",
      },
    ],
  };
  rmSync(out, { recursive: true, force: true });
  execFileSync(join(root, "node_modules/.bin/buf"), ["generate", "--template", JSON.stringify(template)], {
    cwd: staging,
    stdio: "inherit",
  });
}

/**
 * Writes `types.cjs`: message type name to a function that loads its descriptor. CommonJS, because `require` loads
 * a module when it is called, and a bundler follows it as it follows an import.
 */
function writeTypes(): void {
  const lines: string[] = [];
  for (const file of globSync("**/*_pb.js", { cwd: out }).sort()) {
    const text = readFileSync(join(out, file), "utf8");
    const messages = text.matchAll(/^ \* Describes the message (\S+)\.\n(?: \*.*\n)+export const (\w+) =/gm);
    for (const [, typeName, name] of messages) {
      lines.push(`  ${JSON.stringify(typeName)}: () => require("./${file}").${name},`);
    }
  }
  writeFileSync(join(out, "types.cjs"), `module.exports = {\n${lines.join("\n")}\n};\n`);
  writeFileSync(
    join(out, "types.d.cts"),
    `import type { DescMessage } from "@bufbuild/protobuf" with { "resolution-mode": "import" };
declare const types: Readonly<Record<string, () => DescMessage>>;
export = types;
`,
  );
}

stage();
generate();
writeTypes();
// The bootstrap looks for this file.
writeFileSync(join(out, ".complete"), "");
rmSync(join(here, "gen"), { recursive: true, force: true });
renameSync(out, join(here, "gen"));
