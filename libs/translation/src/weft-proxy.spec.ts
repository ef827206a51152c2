import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseBootstrap, validateBootstrap } from "@weft/dataplane";
import type { MeshConfig } from "@weft/istio-api";
import type { NodeInput } from "@weft/mesh-model";
import { type EnvoyResources, readDocuments, toStaticBootstrap } from "@weft/testkit";
import { resourcesToJson } from "./resources/to-json.ts";
import { parseObjects, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

const folder = join(import.meta.dirname, "../golden");

/** What Weft's own proxy cannot do yet; a line that goes is progress, one that comes needs a reason. */
const notYet: readonly RegExp[] = [
  /system_root_certs: this proxy does not implement this field/,
  // hosts that requests and handshakes name
  /cluster_type: (this proxy does not implement this field|custom cluster types are not implemented)/,
  /registered implementation for 'envoy\.filters\.(http\.|network\.sni_)dynamic_forward_proxy'/,
  /registered implementation for 'envoy\.filters\.(http|network)\.(rbac|ext_authz)'/,
  /registered implementation for 'envoy\.filters\.http\.jwt_authn'/,
  // filters and fields that only EnvoyFilters bring in
  /registered implementation for 'envoy\.filters\.(network\.connection_limit|http\.local_ratelimit)'/,
  /\.rate_limits: this proxy does not implement this field/,
  /registered implementation for 'envoy\.transport_sockets\.upstream_proxy_protocol'/,
  /\.retry_priority: this proxy does not implement this field/,
];

describe("translate() for Weft's proxy", () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith(".in.yaml"));
  it.each(cases)("is taken but for what the proxy cannot do yet: %s", (file) => {
    const [head, ...rest] = readDocuments(join(folder, file)) as [
      { proxies: NodeInput[]; meshConfig?: Partial<MeshConfig> },
      ...unknown[],
    ]; // written so
    const snapshot = snapshotOf(parseObjects(rest), head.meshConfig);
    for (const proxy of head.proxies) {
      const resources = resourcesToJson(translate(viewOf(snapshot, proxy)).value) as EnvoyResources; // JSON objects
      const bootstrap = parseBootstrap([JSON.stringify(toStaticBootstrap(resources))]);
      const errors = validateBootstrap(bootstrap)
        .filter(({ severity }) => severity === "error")
        .map(({ path, message }) => `${path}: ${message}`);
      expect(errors.filter((error) => !notYet.some((known) => known.test(error)))).toEqual([]);
    }
  });
});
