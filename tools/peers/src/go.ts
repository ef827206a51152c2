import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type InstallContext, PeerError } from "./peer.ts";

/** What {@link withGo} hands over: runs `go` in the build folder, with caches that are gone when the build is done. */
export type RunGo = (args: readonly string[], options?: { readonly folder?: string }) => Promise<string>;

/**
 * Runs builds with Go, in caches of their own inside the peer's folder, which are removed afterwards.
 *
 * @param why What stands in the message where Go is missing, such as "etcd is built from its Go module".
 * @param otherwise What to do there instead of installing Go.
 */
export async function withGo<T>(
  context: InstallContext,
  { why, otherwise }: { readonly why: string; readonly otherwise: string },
  build: (go: RunGo, buildFolder: string) => Promise<T>,
): Promise<T> {
  await context.run("go", ["version"]).catch((cause: unknown) => {
    throw new PeerError(`${why}, and go is not here: install Go 1.25 or newer, or ${otherwise}`, { cause });
  });
  const folder = join(context.folder, ".build");
  await mkdir(folder, { recursive: true });
  const settings = [
    `GOBIN=${context.folder}`,
    `GOCACHE=${join(folder, "cache")}`,
    `GOMODCACHE=${join(folder, "modules")}`,
    "GOFLAGS=-trimpath -modcacherw",
  ];
  try {
    return await build(
      (args, options) => context.run("env", ["-C", options?.folder ?? folder, ...settings, "go", ...args]),
      folder,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the main programs are that this project adds to Go modules which are libraries to it. */
const programs = new URL("../go/", import.meta.url);

/** Copies the main programs of one module into the build folder and writes its go.mod; returns the module's folder. */
export async function goModule(buildFolder: string, name: string, goMod: string): Promise<string> {
  const folder = join(buildFolder, name);
  await cp(new URL(`${name}/`, programs), folder, { recursive: true });
  await writeFile(join(folder, "go.mod"), goMod);
  return folder;
}

/** The text of the go.mod file of a module, as `go mod download -json` names it. */
export async function goModOf(go: RunGo, module: string): Promise<string> {
  const { GoMod } = JSON.parse(await go(["mod", "download", "-json", module])) as { GoMod: string };
  return readFile(GoMod, "utf8");
}
