import { isIstioGroup, type Kind, kinds } from "../kinds.ts";
import { type OpenApi, toOpenApi } from "./open-api.ts";

/** A column that `kubectl get` shows. */
interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: "string" | "date";
  readonly description: string;
}

const age: Column = {
  name: "Age",
  jsonPath: ".metadata.creationTimestamp",
  type: "date",
  description: "How long ago the object was made",
};

const column = (name: string, path: string, description: string): Column => ({
  name,
  jsonPath: `.spec.${path}`,
  type: "string",
  description,
});

/** Columns beside the name, by kind. */
const columns: Readonly<Record<string, readonly Column[]>> = {
  DestinationRule: [column("Host", "host", "The service that the rule is for")],
  ServiceEntry: [
    column("Hosts", "hosts", "The hosts that the entry stands for"),
    column("Location", "location", "Whether the hosts are in the mesh or outside"),
    column("Resolution", "resolution", "How the addresses of the hosts are found"),
  ],
  VirtualService: [
    column("Gateways", "gateways", "The gateways, or mesh, that the routes apply to"),
    column("Hosts", "hosts", "The hosts that the routes are for"),
  ],
  WorkloadEntry: [column("Address", "address", "Where the workload is reached")],
  AuthorizationPolicy: [column("Action", "action", "What is done with a request that a rule matches")],
  PeerAuthentication: [column("Mode", "mtls.mode", "Whether plain text is taken beside mutual TLS")],
};

/** Kinds without columns show their age anyhow. */
const showsAge = (kind: Kind): boolean =>
  !["EnvoyFilter", "Gateway", "ProxyConfig", "Sidecar", "RequestAuthentication"].includes(kind.kind);

/** Versions that objects are stored in, where it is not the preferred one: clusters that Istio was on hold such. */
const storageVersions: Readonly<Record<string, string>> = { Telemetry: "v1alpha1" };

/** The CustomResourceDefinitions of Istio's kinds, in the order of {@link kinds}. */
export function customResourceDefinitions(): readonly OpenApi[] {
  return kinds.filter(({ group }) => isIstioGroup(group)).map(customResourceDefinition);
}

function customResourceDefinition(kind: Kind): OpenApi {
  const { group, plural, shortNames, scope } = kind;
  const storage = storageVersions[kind.kind] ?? kind.versions[0];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      labels: { app: "weft", "app.kubernetes.io/part-of": "weft" },
      // What people have made is not removed with the installation.
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group,
      scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural,
        singular: kind.kind.toLowerCase(),
        ...(shortNames.length > 0 ? { shortNames } : {}),
        categories: ["istio-io", `${group.split(".")[0]}-istio-io`],
      },
      versions: kind.versions.map((name) => ({
        name,
        served: true,
        storage: name === storage,
        subresources: { status: {} },
        ...columnsOf(kind),
        schema: { openAPIV3Schema: toOpenApi(kind.body) },
      })),
    },
  };
}

function columnsOf(kind: Kind): OpenApi {
  const own = columns[kind.kind] ?? [];
  const all = own.length > 0 || showsAge(kind) ? [...own, age] : [];
  return all.length > 0 ? { additionalPrinterColumns: all } : {};
}
