import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type DescMessage, fromBinary, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { fromEnvoyJson } from "./from-json.ts";
import { toEnvoyJson } from "./to-json.ts";

// What real istiod sent, as JSON; not part of the project, so absent on most machines.
const shared = process.env.WEFT_SHARED ?? resolve(import.meta.dirname, "../../../../../shared");
const folder = join(shared, "reference/istiod-1.29");
const files = existsSync(folder) ? globSync("*/*.json", { cwd: folder }).sort() : [];

const schemas: Readonly<Record<string, DescMessage>> = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};

(files.length === 0 ? describe.skip : describe)("istiod's resources", () => {
  it.each(files)("come back unchanged through messages and bytes: %s", (file) => {
    const dump = JSON.parse(readFileSync(join(folder, file), "utf8")) as Record<
      string,
      Record<string, JsonObject>
    >;
    for (const [kind, schema] of Object.entries(schemas)) {
      for (const resource of Object.values(dump[kind] ?? {})) {
        const message = fromBinary(schema, toBinary(schema, fromEnvoyJson(schema, resource)));
        expect(toEnvoyJson(schema, message)).toEqual(resource);
      }
    }
  });
});
