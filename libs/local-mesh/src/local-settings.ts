import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { LocalMeshError } from "./errors.ts";

/** How a container image is run as a process of this machine. */
export interface LocalImage {
  /** Absolute path of the folder to run it in. */
  readonly workingDir: string;
  /** What to run where the container names no command. */
  readonly command: readonly string[];
  /** Environment of the image; the container's own wins. */
  readonly env: Readonly<Record<string, string>>;
}

/** Images by their names, as `local.yaml` has them. */
export type LocalImages = ReadonlyMap<string, LocalImage>;

/** A request of the trickle that shows the mesh at work. */
export interface TrafficRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How often, relative to the others; a whole number from 1 to 100. */
  readonly weight: number;
}

/** What `local.yaml` says. */
export interface LocalSettings {
  readonly images: LocalImages;
  readonly traffic: readonly TrafficRequest[];
}

/** Reads `local.yaml` of `folder`; no images and no traffic where there is no such file. */
export function readLocalSettings(folder: string): LocalSettings {
  const file = join(folder, "local.yaml");
  return existsSync(file)
    ? parseLocalSettings(readFileSync(file, "utf8"), file)
    : { images: new Map(), traffic: [] };
}

type Fail = (what: string) => LocalMeshError;

/**
 * Parses a `local.yaml`: `images: {<image>: {workingDir, command, env}}`, paths relative to the file, and
 * `traffic: [{path, headers, weight}]`.
 *
 * @throws LocalMeshError naming the file and the field where something is not as it must be.
 */
export function parseLocalSettings(text: string, file: string): LocalSettings {
  const document = parseDocument(text);
  const bad: Fail = (what) => new LocalMeshError("bad-local-yaml", `${file}: ${what}`);
  if (document.errors[0] !== undefined) throw bad(document.errors[0].message);
  const { images = {}, traffic = [] } = fields(document.toJS(), "the file", ["images", "traffic"], bad);
  if (!isRecord(images)) throw bad("images must map image names to how they are run");
  if (!Array.isArray(traffic)) throw bad("traffic must be a list");
  return {
    images: new Map(
      Object.entries(images).map(([name, image]) => [
        name,
        parseImage(image, `images["${name}"]`, dirname(file), bad),
      ]),
    ),
    traffic: traffic.map((request, index) => parseTraffic(request, `traffic[${index}]`, bad)),
  };
}

function parseImage(value: unknown, path: string, folder: string, bad: Fail): LocalImage {
  const {
    workingDir = ".",
    command = [],
    env = {},
  } = fields(value, path, ["workingDir", "command", "env"], bad);
  if (typeof workingDir !== "string") throw bad(`${path}.workingDir must be a path`);
  if (!Array.isArray(command)) throw bad(`${path}.command must be a list`);
  return {
    workingDir: resolve(folder, workingDir),
    command: command.map(String),
    env: texts(env, `${path}.env`, bad),
  };
}

function parseTraffic(value: unknown, path: string, bad: Fail): TrafficRequest {
  const { path: target, headers = {}, weight = 1 } = fields(value, path, ["path", "headers", "weight"], bad);
  if (typeof target !== "string" || !target.startsWith("/")) throw bad(`${path}.path must start with /`);
  if (typeof weight !== "number" || !Number.isInteger(weight) || weight < 1 || weight > 100) {
    throw bad(`${path}.weight must be a whole number from 1 to 100`);
  }
  return { path: target, headers: texts(headers, `${path}.headers`, bad), weight };
}

function fields(
  value: unknown,
  path: string,
  allowed: readonly string[],
  bad: Fail,
): Record<string, unknown> {
  if (!isRecord(value)) throw bad(`${path} must be an object`);
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) throw bad(`${path}: ${unknown} is unknown; allowed are ${allowed.join(", ")}`);
  return value;
}

function texts(value: unknown, path: string, bad: Fail): Record<string, string> {
  if (!isRecord(value)) throw bad(`${path} must map names to values`);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, String(inner)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
