import { readdirSync } from "node:fs";
import { join } from "node:path";
import { deepFreeze, formatObjectRef, formatProblem } from "@weft/base";
import { defaultMeshConfig } from "@weft/istio-api";
import { collectionOf, type Derived, type MeshObject } from "@weft/mesh-model";
import {
  describeGolden,
  describeWithPeer,
  type EnvoyResources,
  orders,
  readDocuments,
  toYaml,
  validateWithEnvoy,
} from "@weft/testkit";
import type { ResourcesJson } from "@weft/translation";
import { kubernetesDerivations } from "./index.ts";
import { parseText, resourcesFor, snapshotOf } from "./testing/mesh.ts";

const folder = join(import.meta.dirname, "../golden");

/** Documents as objects, frozen, without where they stand: their order must not matter. */
function parse(documents: readonly unknown[]): readonly MeshObject[] {
  return parseText(documents.map(toYaml).join("---\n")).map((object) => {
    const { position: _, ...rest } = object;
    return deepFreeze(rest);
  });
}

function derive(objects: readonly MeshObject[]): Derived {
  const input = {
    objects: (name: string) => objects.filter((object) => collectionOf(object) === name),
    meshConfig: defaultMeshConfig,
  };
  const all = kubernetesDerivations.map((derivation) => derivation.derive(input));
  return {
    objects: all.flatMap((derived) => derived.objects),
    statuses: all.flatMap((derived) => derived.statuses),
    problems: all.flatMap((derived) => derived.problems),
  };
}

function byKey(
  entries: readonly (readonly [key: string, value: unknown])[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function show({ objects, statuses, problems }: Derived) {
  return {
    objects: byKey(
      objects.map(({ kind, metadata: { name, namespace, annotations, creationTimestamp }, body }) => [
        `${kind} ${namespace}/${name}`,
        { creationTimestamp, annotations, spec: body.spec },
      ]),
    ),
    statuses: byKey(statuses.map(({ object, status }) => [formatObjectRef(object), status])),
    problems: problems.map((problem) => `${problem.code}: ${formatProblem(problem)}`),
  };
}

describeGolden("kubernetesDerivations", { folder, run: (documents) => show(derive(parse(documents))) });

const cases = readdirSync(folder).filter((file) => file.endsWith(".in.yaml"));

describe("kubernetesDerivations", () => {
  it.each(cases)("makes the same of objects in any order: %s", (file) => {
    const documents = readDocuments(join(folder, file));
    const expected = toYaml(show(derive(parse(documents))));
    for (const order of orders(documents)) expect(toYaml(show(derive(parse(order))))).toBe(expected);
  });
});

/** What the pods of the Gateways' Services get, and a sidecar. */
function translations(objects: readonly MeshObject[]): readonly ResourcesJson[] {
  const snapshot = snapshotOf(objects);
  const nodes = [
    ["router~10.1.0.9~edge-1.infra~infra.svc.cluster.local", { gateway: "edge" }],
    ["router~10.1.0.8~ingress-1.istio-system~istio-system.svc.cluster.local", { istio: "ingressgateway" }],
    ["sidecar~10.1.0.7~client-1.shop~shop.svc.cluster.local", { app: "client" }],
  ] as const;
  return nodes.map(([id, LABELS]) => resourcesFor(snapshot, { id, metadata: { LABELS } }));
}

describe("what translation makes of derived objects", () => {
  it("opens the ports of the Gateway's Service and routes by the Gateway API's rules", () => {
    const [gateway] = translations(parse(readDocuments(join(folder, "http-route.in.yaml"))));
    expect(Object.keys(gateway?.listeners ?? {})).toEqual(["0.0.0.0_8080"]);
    const table = gateway?.routes["http.8080"] as RouteTable;
    const host = table.virtual_hosts.find(({ domains }) => domains.includes("www.shop.example"));
    expect(host?.routes.map(({ name, match }) => [name, match.path_separated_prefix ?? match.path])).toEqual([
      ["catalogue", "/items"],
      ["shop.web.4", "/nothing"],
      ["shop.web.3", "/broken"],
      ["catalogue", "/items"],
      ["shop.older.0", "/api"],
      ["shop.web.1", "/old"],
      ["shop.web.2", "/api"],
      ["catalogue", undefined],
      ["shop.older.1", undefined],
    ]);
    const broken = host?.routes.find(({ name }) => name === "shop.web.3");
    expect(broken?.route).toMatchObject({ cluster_not_found_response_code: "INTERNAL_SERVER_ERROR" });
  });
});

describeWithPeer("envoy", "derived objects in real Envoy", () => {
  it.each(cases)("are taken as they are: %s", async (file) => {
    // Resources are JSON objects.
    for (const resources of translations(parse(readDocuments(join(folder, file)))))
      expect(await validateWithEnvoy({ resources: resources as EnvoyResources })).toEqual([]);
  });
});

/** As much of a RouteConfiguration as is looked at. */
interface RouteTable {
  readonly virtual_hosts: readonly {
    readonly domains: readonly string[];
    readonly routes: readonly {
      readonly name: string;
      readonly match: { readonly path?: string; readonly path_separated_prefix?: string };
      readonly route?: object;
    }[];
  }[];
}
