import type { X509Certificate } from "node:crypto";
import type { Writable } from "node:stream";
import { fetchJson } from "../../mesh/fetch-json.ts";
import { findProxy } from "../../mesh/find-proxy.ts";
import { readConfigDump } from "./config-dump.ts";
import { readRoots } from "./secrets.ts";

/**
 * Says whether two proxies of the local mesh have a root in common, as istioctl does: without one, neither takes the other's certificate. Throws
 * where they have none, so that the command fails.
 */
export async function compareRootCas(
  pods: readonly [string, string],
  env: NodeJS.ProcessEnv,
  out: Writable,
): Promise<void> {
  const mesh = (await import("@weft/local-mesh")).findMeshState(env);
  const proxies = pods.map((pod) => findProxy(mesh, pod, undefined));
  const [first = [], second = []] = await Promise.all(proxies.map(fetchRoots));
  const names = proxies.map(({ name }) => `[${name}]`).join(" and ");
  const known = new Set(first.map(({ fingerprint256 }) => fingerprint256));
  if (!second.some(({ fingerprint256 }) => known.has(fingerprint256))) {
    throw new Error(
      `Both ${names} have the non identical ROOTCA, theoretically the connectivity between them is unavailable`,
    );
  }
  out.write(
    `Both ${names} have the identical ROOTCA, theoretically the connectivity between them is available\n`,
  );
}

async function fetchRoots({ name, admin }: { readonly name: string; readonly admin: string }) {
  const dump = readConfigDump(await fetchJson(`proxy ${name}`, admin, "/config_dump"));
  const roots: readonly X509Certificate[] = readRoots(dump.secrets);
  if (roots.length === 0) throw new Error(`proxy ${name} has no ROOTCA`);
  return roots;
}
