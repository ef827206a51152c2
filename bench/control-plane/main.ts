#!/usr/bin/env node
/**
 * `npm run bench:control-plane -- [SCENARIO…] [--mode delta|sotw]`: what it costs pilot-discovery to bring many proxies up to date. The
 * server and the proxies are a process each; what changes comes in as from a watch of Kubernetes. See docs/performance.md.
 */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { XdsMode } from "@weft/xds";
import { buildAdsload } from "./adsload.ts";
import { runScenario, runWithAdsload } from "./run.ts";
import { findScenario, scenarios } from "./scenarios.ts";
import { formatTable } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: "string", multiple: true, default: ["delta", "sotw"] },
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
  for (const mode of values.mode) {
    const { services, ports, endpoints, everyNthRule, proxies, sidecarScope } = scenario;
    console.log(
      `\n${mode}: ${services} services × ${ports} ports, ${endpoints} endpoints, rules for every ${everyNthRule}th; ${proxies} proxies` +
        `${sidecarScope === undefined ? "" : ` with a Sidecar of ${sidecarScope} services`}\n`,
    );
    const options = { mode: mode as XdsMode };
    // The Go client knows one namespace only.
    const steps =
      "file" in adsload && sidecarScope === undefined
        ? await runWithAdsload(scenario, { ...options, file: adsload.file })
        : await runScenario(scenario, options.mode);
    console.log(formatTable(steps, scenario.name === "1000"));
  }
}
