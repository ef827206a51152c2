import type { EndpointRoute } from "@weft/observability";
import { meshPages } from "./pages/mesh.ts";
import type { DebugOptions } from "./pages/page.ts";
import { processPages } from "./pages/process.ts";
import { proxyPages } from "./pages/proxies.ts";

/** The debug pages, under Istio's paths; `/debug` and `/debug/list` name them. */
export function debugRoutes(options: DebugOptions): EndpointRoute[] {
  const pages = [...proxyPages(options), ...meshPages(options), ...processPages(options)];
  const index = pages.map(({ path, help }) => `${path.padEnd(28)}${help ?? ""}`).join("\n");
  return [
    { path: "/debug", help: "this list", handle: () => ({ body: `${index}\n` }) },
    { path: "/debug/list", help: "the paths alone", handle: () => ({ body: pages.map(({ path }) => path) }) },
    ...pages,
  ];
}
