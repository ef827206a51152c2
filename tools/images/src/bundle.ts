import { cp, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { findPeer } from "../../peers/src/locate.ts";

const checkout = resolve(import.meta.dirname, "../../..");

/** An image: what it runs, and what it needs beside Node. */
export interface Image {
  readonly name: string;
  readonly dockerfile: "Dockerfile" | "Dockerfile.proxy";
  /** Arguments of its Dockerfile. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Programs by their name in the image, bundled; `main` is the one that it starts. */
  readonly entries?: Readonly<Record<string, string>> & { readonly main: string };
  /** Programs of tools/peers that go along as they are installed. */
  readonly peers?: readonly string[];
  /** Files and folders that go along as they are, below one of the checkout. */
  readonly files?: { readonly from: string; readonly paths: readonly string[] };
}

/** Every image, named as its app. */
export const images: readonly Image[] = [
  app("pilot-discovery"),
  app("citadel"),
  app("sidecar-injector"),
  {
    // Beside each workload, and as istio-init: the agent, and the proxy that it starts.
    name: "proxy",
    dockerfile: "Dockerfile.proxy",
    entries: { main: "apps/pilot-agent/src/main.ts", "weft-proxy": "apps/proxy/src/main.ts" },
  },
  {
    // The same with real Envoy: of pods that ask for it by sidecar.istio.io/proxyImage.
    name: "proxy-envoy",
    dockerfile: "Dockerfile.proxy",
    buildArgs: { PROXY: "envoy" },
    entries: { main: "apps/pilot-agent/src/main.ts" },
    peers: ["envoy"],
  },
  // Sources without packages, which Node runs as they are; each Deployment names its own.
  {
    name: "bookinfo",
    dockerfile: "Dockerfile",
    buildArgs: { UID: "1000", WORKDIR: "/app" },
    files: { from: "examples/bookinfo", paths: ["package.json", "src"] },
  },
];

function app(name: string): Image {
  return { name, dockerfile: "Dockerfile", entries: { main: `apps/${name}/src/main.ts` } };
}

/**
 * Puts into `folder` what goes into an image: its files, and its programs bundled: a file each, what they share, and
 * native modules. What of a package is not used is left out.
 */
export async function bundle({ entries, files, peers = [] }: Image, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const path of files?.paths ?? []) {
    await cp(join(checkout, files?.from ?? "", path), join(folder, path), {
      recursive: true,
      filter: (name) => !name.endsWith(".spec.ts"),
    });
  }
  for (const peer of peers) {
    const found = findPeer(peer);
    if (found === undefined) throw new Error(`${peer} is missing: npm run peers -- ${peer} installs it`);
    await cp(found, join(folder, peer), { dereference: true });
  }
  if (entries !== undefined) await bundlePrograms(entries, folder);
}

async function bundlePrograms(entries: Readonly<Record<string, string>>, folder: string): Promise<void> {
  await build({
    absWorkingDir: checkout,
    entryPoints: Object.entries(entries).map(([out, path]) => ({ in: path, out })),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node26",
    minify: true,
    keepNames: true,
    sourcemap: false,
    legalComments: "external",
    external: ["koffi"],
    // Its ES module: a bundled `await import()` of one of CommonJS gives no names.
    alias: { yaml: join(checkout, "node_modules/yaml/browser/index.js") },
    // Packages of CommonJS inside a module ask for `require`.
    banner: {
      js: 'import { createRequire as weftRequire } from "node:module"; const require = weftRequire(import.meta.url);',
    },
    plugins: [withoutUnused],
    logLevel: "warning",
  });
  if ("weft-proxy" in entries) await copyKoffi(folder);
}

/** The Kubernetes client brings a class for each type of the API; none of those used here has an effect of its own. */
const withoutUnused: Plugin = {
  name: "without-unused",
  setup(context) {
    context.onResolve({ filter: /./ }, async (args) => {
      if (args.pluginData === "seen" || !args.importer.includes("@kubernetes/client-node")) return undefined;
      const { importer, resolveDir, kind } = args;
      const found = await context.resolve(args.path, { importer, resolveDir, kind, pluginData: "seen" });
      return found.path.includes("@kubernetes/client-node") ? { ...found, sideEffects: false } : found;
    });
  },
};

/** koffi finds its native module beside itself, so it goes along as it is, for this machine's platform. */
async function copyKoffi(folder: string): Promise<void> {
  for (const name of ["koffi", `@koromix/koffi-linux-${process.arch}`]) {
    await cp(join(checkout, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
  }
}
