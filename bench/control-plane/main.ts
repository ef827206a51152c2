#!/usr/bin/env node
/**
 * `npm run bench:control-plane -- [SCENARIO…] [--mode delta|vhds|sotw]`: what it costs pilot-discovery to bring many proxies up to date. The
 * server and the proxies are a process each; what changes comes in as from a watch of Kubernetes. See docs/performance.md.
 */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { buildAdsload } from "./adsload.ts";
import { clientModes } from "./messages.ts";
import { runScenario, runWithAdsload } from "./run.ts";
import { findScenario, scenarios } from "./scenarios.ts";
import { formatTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: "string", multiple: true, default: ["delta", "vhds", "sotw"] },
    client: { type: "string" },
  },
});
const wanted = positionals.length > 0 ? positionals : [scenarios[0]?.name];
console.log(
  `${cpus()[0]?.model.trim()} × ${availableParallelism()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `${platform()} ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
);
const adsload = values.client === "node" ? { missing: "not asked for" } : await buildAdsload();
if ("missing" in adsload) console.log(`clients: TypeScript (adsload: ${adsload.missing})`);
for (const scenario of wanted.map(findScenario)) {
  for (const name of values.mode) {
    const mode = clientModes.find((known) => known === name);
    if (mode === undefined) throw new Error(`no mode ${name}; there is ${clientModes.join(", ")}`);
    const { services, ports, endpoints, everyNthRule, proxies, sidecarScope } = scenario;
    console.log(
      `\n${mode}: ${services} services × ${ports} ports, ${endpoints} endpoints, rules for every ${everyNthRule}th; ${proxies} proxies` +
        `${sidecarScope === undefined ? "" : ` with a Sidecar of ${sidecarScope} services`}\n`,
    );
    // The Go client knows one namespace only, and no virtual hosts.
    const steps =
      "file" in adsload && sidecarScope === undefined && mode !== "vhds"
        ? await runWithAdsload(scenario, { mode, file: adsload.file })
        : await runScenario(scenario, mode);
    console.log(formatTable(steps, scenario.name === "1000"));
  }
}
