import { readFile } from "node:fs/promises";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDuration } from "@weft/base";
import { formatTable } from "../../output/table.ts";
import { type CaCredentials, connectCa, readHolders } from "./clients.ts";
import { type CaState, type Holder, laggingOf, shortRoot } from "./mesh-trust.ts";
import { abortRotation, LaggingError, rotateRoot } from "./rotate-root.ts";

/** Flags of `ca rotate-root`. */
export interface RotateRootFlags {
  readonly status?: boolean;
  readonly abort?: boolean;
  readonly wait: string;
  readonly ignore: readonly string[];
  readonly caAddress?: string;
  /** PEM files for administration with TLS; all three or none. */
  readonly caRoot?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly xdsAddress: readonly string[];
  /** Where a local mesh's state is looked for. */
  readonly env: NodeJS.ProcessEnv;
}

const everyMs = 500;

/** `weftctl ca rotate-root`: the exit code, 1 where somebody lags. */
export async function runRotateRoot(flags: RotateRootFlags, out: Writable): Promise<number> {
  const waitMs = parseDuration(flags.wait);
  if (waitMs === undefined || waitMs < 0) throw new Error(`--wait: ${flags.wait} is no duration such as 10m`);
  if (flags.status === true && flags.abort === true) throw new Error("--status and --abort: one at a time");
  const { caAddress, pilots } = await findControlPlane(flags);
  const ca = connectCa(caAddress, await readCredentials(flags));
  const holders = () => readHolders(pilots);
  if (flags.status === true) {
    out.write(describeRotation(await ca.state(), await holders()));
    return 0;
  }
  const options = {
    ca,
    holders,
    ignored: new Set(flags.ignore),
    waitMs,
    everyMs,
    report: (line: string) => void out.write(`${line}\n`),
    now: () => performance.now(),
    sleep,
  };
  try {
    await (flags.abort === true ? abortRotation(options) : rotateRoot(options));
    return 0;
  } catch (error) {
    if (!(error instanceof LaggingError)) throw error;
    out.write(`${error.message}\n`);
    return 1;
  }
}

/** The files of administration with TLS. Throws where one is missing. */
async function readCredentials({ caRoot, cert, key }: RotateRootFlags): Promise<CaCredentials | undefined> {
  if (caRoot === undefined && cert === undefined && key === undefined) return undefined;
  if (caRoot === undefined || cert === undefined || key === undefined) {
    throw new Error("--ca-root, --cert and --key go together");
  }
  const [ca, certText, keyText] = await Promise.all(
    [caRoot, cert, key].map((file) => readFile(file, "utf8")),
  );
  return { ca: ca as string, cert: certText as string, key: keyText as string }; // Three files, three texts.
}

/** Where citadel is administered, and the pilots' pages: as the flags say, else those of the local mesh. */
async function findControlPlane({ caAddress, xdsAddress, env }: RotateRootFlags) {
  if (caAddress !== undefined && xdsAddress.length > 0) return { caAddress, pilots: xdsAddress };
  const mesh = (await import("@weft/local-mesh")).findMeshState(env);
  const found = caAddress ?? mesh?.citadel.admin;
  const pilots = xdsAddress.length > 0 ? xdsAddress : mesh === undefined ? [] : [mesh.pilot.http];
  if (found === undefined || pilots.length === 0) {
    throw new Error(
      "no mesh found: start one (npm start), or name citadel's administration with --ca-address HOST:PORT and the HTTP address of each pilot-discovery with --xds-address HOST:PORT",
    );
  }
  return { caAddress: found, pilots };
}

/** How far the change of the root is, and each proxy with it. */
export function describeRotation(state: CaState, holders: readonly Holder[]): string {
  const { phase, signer, roots } = state;
  const others = roots.filter((root) => root !== signer).map(shortRoot);
  const head = `${phase}: root ${shortRoot(signer)} signs${others.length > 0 ? `, ${others.join(", ")} is trusted, too` : ""}\n`;
  const goal = phase === "distributing" ? "all roots" : "a new certificate";
  const late = new Map(laggingOf(holders, state, goal).map(({ name, why }) => [name, why]));
  const rows = [...holders]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, trust }) => [
      name,
      trust === undefined ? "-" : trust.roots.map(shortRoot).join(","),
      trust === undefined ? "-" : shortRoot(trust.signedBy),
      late.get(name) ?? "ready",
    ]);
  return `${head}${formatTable(["NAME", "ROOTS", "SIGNED BY", "STATE"], rows)}`;
}
