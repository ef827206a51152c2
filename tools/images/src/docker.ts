import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, ClusterError, run, waitFor } from "../../cluster/src/command.ts";
import { bundle, type Image } from "./bundle.ts";

/** Beside `latest`. */
const version = "0.1.0";
const publicBase = "node:26-bookworm-slim";

/** Builds images as `weft/NAME:latest` and by the version, starting an engine and making a base where there is none. */
export async function buildImages(chosen: readonly Image[], log: (line: string) => void): Promise<void> {
  await startEngine(log);
  await ensureBase(log);
  const folder = await mkdtemp(join(tmpdir(), "weft-images-"));
  try {
    for (const image of chosen) await buildImage(image, join(folder, image.name), log);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function buildImage(image: Image, folder: string, log: (line: string) => void): Promise<void> {
  const started = performance.now();
  const tag = `weft/${image.name}:latest`;
  await bundle(image, folder);
  await run("docker", [
    "build",
    "--quiet",
    ...["--tag", tag, "--tag", `weft/${image.name}:${version}`],
    ...Object.entries(image.buildArgs ?? {}).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    "--file",
    join(import.meta.dirname, "..", image.dockerfile),
    folder,
  ]);
  const bytes = Number(await run("docker", ["image", "inspect", "--format", "{{.Size}}", tag]));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  log(`${tag} ${(bytes / 1e6).toFixed(0)} MB (${seconds} s)`);
}

/** An engine of this machine, started in the background where none runs. */
async function startEngine(log: (line: string) => void): Promise<void> {
  if ((await attempt("docker", ["info", "--format", "{{.ServerVersion}}"])) !== undefined) return;
  if (!existsSync("/usr/sbin/dockerd")) {
    throw new ClusterError(
      "no Docker engine answers, and there is none to start: install docker.io, or start Docker",
    );
  }
  log("starting dockerd");
  spawn("/usr/sbin/dockerd", [], { detached: true, stdio: "ignore" }).unref();
  await waitFor("dockerd", () => attempt("docker", ["info", "--format", "{{.ServerVersion}}"]));
}

/** The public base where it is there or can be pulled; else the same made here: Debian and Node. */
async function ensureBase(log: (line: string) => void): Promise<void> {
  if ((await attempt("docker", ["image", "inspect", publicBase])) !== undefined) return;
  if ((await attempt("docker", ["pull", "--quiet", publicBase])) !== undefined) return;
  log(`${publicBase} cannot be pulled: making it with debootstrap`);
  const folder = await mkdtemp(join(tmpdir(), "weft-base-"));
  try {
    const root = join(folder, "root");
    await run("debootstrap", [
      "--variant=minbase",
      "--include=libatomic1,ca-certificates,iptables,iproute2",
      "bookworm",
      root,
    ]);
    await cp(process.execPath, join(root, "usr/local/bin/node"), { dereference: true });
    for (const path of [
      "var/cache/apt",
      "var/lib/apt/lists",
      "usr/share/doc",
      "usr/share/locale",
      "usr/share/man",
    ]) {
      await rm(join(root, path), { recursive: true, force: true });
    }
    const archive = join(folder, "base.tar");
    await run("tar", ["-C", root, "-cf", archive, "."]);
    await run("docker", ["import", archive, publicBase]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
