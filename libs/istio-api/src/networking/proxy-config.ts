import { workloadSelector } from "../schema/scalars.ts";
import { type Infer, integer, map, message, string } from "../schema/schema.ts";

/** https://istio.io/latest/docs/reference/config/networking/proxy-config/ */
export const proxyConfigSpec = message({
  selector: workloadSelector,
  /** Worker threads; 0: all cores. */
  concurrency: integer(0),
  environmentVariables: map(string()),
  image: message({ imageType: string() }),
});

/** `spec` of a ProxyConfig object; not to be confused with `meshConfig.defaultConfig`. */
export type ProxyConfigSpec = Infer<typeof proxyConfigSpec>;
