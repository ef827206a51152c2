import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFile } from "@weft/config-sources";
import {
  convertGatewayApi,
  type GatewayApiInput,
  type KnownService,
  readCredentials,
} from "@weft/gateway-api";
import { collectionOf, type MeshObject } from "@weft/mesh-model";
import { type Area, type CaseResult, failed, type Outcome, passed, unsupported } from "../area.ts";
import { firstDifference } from "../first-difference.ts";
import { readGolden, toDocument } from "../golden-documents.ts";

interface GatewayApiCase {
  readonly id: string;
  readonly in: string;
  readonly want: string;
  readonly wantStatus: string;
  /** What only some implementations have. */
  readonly optional?: string;
}

/** `gateway-api`: each input counts twice, for the configuration (`id`) and for the status (`id.status`). */
export const gatewayApi: Area = {
  name: "gateway-api",
  folder: "gateway-api",
  *run(folder) {
    const read = (file: string) => readFileSync(join(folder, file), "utf8");
    const { cases }: { cases: GatewayApiCase[] } = JSON.parse(read("cases.json"));
    const services = readServices(read("context.services.json"));
    const context = parseFile("context", read("context.objects.yaml")).objects;
    for (const one of cases) yield* runCase(one, read, { services, context });
  },
};

/** What Weft leaves out of the Gateway API: the parts that need ambient mode or several networks. */
const leftOut = ["multi-network", "waypoint"];

/** The domain suffix of all cases. */
const domainSuffix = "domain.suffix";

interface Surroundings {
  readonly services: ReadonlyMap<string, KnownService>;
  readonly context: readonly MeshObject[];
}

function* runCase(
  one: GatewayApiCase,
  read: (file: string) => string,
  surroundings: Surroundings,
): Iterable<CaseResult> {
  const { id, optional } = one;
  if (optional !== undefined && leftOut.includes(optional)) {
    yield { id, outcome: unsupported(optional) };
    yield { id: `${id}.status`, outcome: unsupported(optional) };
    return;
  }
  const input = inputOf(parseFile(one.in, read(one.in)).objects, surroundings);
  yield { id, outcome: judge(() => convertGatewayApi(input).objects.map(toDocument), read(one.want)) };
  const statuses = () =>
    convertGatewayApi(input).statuses.map(({ object: { apiVersion, kind, name, namespace }, status }) => ({
      apiVersion,
      kind,
      metadata: namespace === undefined ? { name } : { name, namespace },
      status,
    }));
  yield { id: `${id}.status`, outcome: judge(statuses, read(one.wantStatus)) };
}

function judge(run: () => readonly object[], golden: string): Outcome {
  try {
    // A pool is a kind of its own, which Weft does not read: only the Service that stands for it.
    const wanted = readGolden(golden, (kind) => kind !== "InferencePool");
    const difference = firstDifference(
      wanted,
      readGolden(JSON.stringify(run()), () => true),
    );
    return difference === undefined ? passed : failed(difference);
  } catch (cause) {
    return failed(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  }
}

interface ServiceOfContext {
  readonly hostname: string;
  readonly namespace: string;
  readonly clusterExternalAddresses?: readonly string[];
  readonly ports: readonly { readonly name: string; readonly number: number }[];
}

/** Of each service only the first port has an endpoint, on 8080. */
function readServices(text: string): ReadonlyMap<string, KnownService> {
  const services: readonly ServiceOfContext[] = JSON.parse(text);
  return new Map(
    services.map(({ hostname, namespace, clusterExternalAddresses = [], ports }) => [
      hostname,
      {
        hostname,
        namespace,
        ports: ports.map((port, i) => (i === 0 ? { ...port, targetPort: 8080 } : port)),
        externalAddresses: clusterExternalAddresses,
      },
    ]),
  );
}

interface PortsSpec {
  readonly ports?: readonly { readonly name?: string; readonly port: number }[];
}

function inputOf(objects: readonly MeshObject[], { services, context }: Surroundings): GatewayApiInput {
  const all = [...context, ...objects];
  const ofKind = (name: string) => all.filter((object) => collectionOf(object) === name);
  const known = new Map(services);
  for (const { metadata, body } of ofKind("/Service")) {
    const hostname = `${metadata.name}.${metadata.namespace}.svc.${domainSuffix}`;
    const { ports = [] } = (body.spec ?? {}) as PortsSpec; // validated when it was parsed
    known.set(hostname, {
      hostname,
      namespace: metadata.namespace,
      ports: ports.map(({ name = "", port }) => ({ name, number: port })),
      externalAddresses: [],
    });
  }
  return {
    objects: ofKind,
    service: (hostname) => known.get(hostname),
    // Upstream's test has a namespace for every object.
    namespaces: new Map(all.map(({ metadata }) => [metadata.namespace, {}])),
    credentials: readCredentials(ofKind("/Secret"), ofKind("/ConfigMap")),
    domainSuffix,
  };
}
