import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { formatProblem, type Problem } from "@weft/base";
import { fromEnvoyJson } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { sharedFolder } from "@weft/testkit";
import { httpFilterFactories } from "../http/filters/index.ts";
import { createBareEnvironment } from "../validate.ts";
import { compileCluster, compileEndpoints, compileListener, compileRouteTable } from "./index.ts";

const reference = sharedFolder("reference/istiod-1.29") ?? "";
const scenarios =
  reference !== ""
    ? readdirSync(reference, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    : [];
const suite = scenarios.length === 0 ? describe.skip : describe;

/** Filters that only Istio's own Envoy has, and those of later issues: our control plane sends this proxy none. */
const notSent = /TypedStruct|\.rbac\.v3\.RBAC/;

function withoutForeignFilters(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    return value
      .filter((item) => {
        const config = (item as { typed_config?: { "@type"?: string } } | null)?.typed_config;
        return !notSent.test(config?.["@type"] ?? "");
      })
      .map(withoutForeignFilters);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutForeignFilters(inner)]));
}

suite.each(scenarios.length === 0 ? ["(no reference folder)"] : scenarios)(
  "what istiod sends: %s",
  (scenario) => {
    const environment = createBareEnvironment();
    const files =
      scenarios.length === 0
        ? []
        : readdirSync(join(reference, scenario)).filter((name) => name.endsWith(".json"));

    it.each(files)("compiles %s", (file) => {
      const dump = JSON.parse(readFileSync(join(reference, scenario, file), "utf8")) as Record<
        string,
        Record<string, JsonValue>
      >;
      const problems: string[] = [];
      const check = <Desc extends DescMessage>(
        kind: string,
        schema: Desc,
        compile: (message: never) => { readonly problems: readonly Problem[] },
      ) => {
        for (const [name, json] of Object.entries(dump[kind] ?? {})) {
          const message: Message = fromEnvoyJson(schema, withoutForeignFilters(json));
          for (const problem of compile(message as never).problems) {
            if (problem.severity === "error") problems.push(`${kind} ${name}: ${formatProblem(problem)}`);
          }
        }
      };
      check("clusters", ClusterSchema, (message) => compileCluster(message, environment));
      check("endpoints", ClusterLoadAssignmentSchema, compileEndpoints);
      check("listeners", ListenerSchema, (message) => compileListener(message, environment));
      check("routes", RouteConfigurationSchema, (message) => compileRouteTable(message, httpFilterFactories));
      expect(problems).toEqual([]);
    });
  },
);
