import { readFileSync } from "node:fs";
import { join } from "node:path";
import { resourcesToJson } from "@weft/translation";
import { parseAllDocuments } from "yaml";
import { type Area, failed, type Outcome, passed } from "../area.ts";
import { firstDifference } from "../first-difference.ts";
import { generate } from "../generate.ts";
import { loadMesh, type MeshSettings } from "../load-mesh.ts";

interface AuthzCase {
  readonly id: string;
  readonly kind: "http" | "tcp";
  readonly in: string;
  /** Files of one filter each, in order. */
  readonly want: readonly string[];
  readonly meshConfig?: MeshSettings;
  readonly trustDomain?: { readonly trustDomain: string; readonly aliases?: readonly string[] };
  /** Only CUSTOM policies are built; else only the others. */
  readonly customBuilder?: boolean;
}

/** A filter as Envoy's JSON has it. */
interface Filter {
  readonly name: string;
  readonly typed_config: {
    readonly "@type": string;
    readonly http_filters?: readonly Filter[];
    readonly rules?: RbacRules;
    readonly shadow_rules?: RbacRules;
  };
}

interface RbacRules {
  readonly policies?: Readonly<Record<string, unknown>>;
}

interface Listener {
  readonly filter_chains: readonly { readonly name: string; readonly filters: readonly Filter[] }[];
}

/** The service that providers of the cases name. */
const authorizer = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: my-custom-ext-authz, namespace: foo }
spec:
  hosts: [my-custom-ext-authz.foo.svc.cluster.local]
  ports: [{ number: 9000, name: grpc, protocol: GRPC }]
  resolution: STATIC
  endpoints: [{ address: 10.0.0.8 }]
`;

/** The proxy the cases look from. */
const node = {
  id: "sidecar~10.0.0.9~httpbin-1.foo~foo.svc.cluster.local",
  metadata: { LABELS: { app: "httpbin", version: "v1" } },
};

/** `authz`: AuthorizationPolicies become filters, looked at where connections to unknown ports come in. */
export const authz: Area = {
  name: "authz",
  folder: "authz",
  *run(folder) {
    const read = (file: string) => readFileSync(join(folder, file), "utf8");
    const { cases }: { cases: readonly AuthzCase[] } = JSON.parse(read("cases.json"));
    for (const one of cases) {
      const want = one.want.flatMap((file) =>
        parseAllDocuments(read(file)).map((document) => snakeCase(document.toJS())),
      );
      yield { id: one.id, outcome: compare(want, filtersOf(one, read(one.in))) };
    }
  },
};

function filtersOf(one: AuthzCase, policies: string): readonly Filter[] {
  const { trustDomain, aliases = [] } = one.trustDomain ?? {};
  const { snapshot, node: proxy } = loadMesh({
    texts: [authorizer, policies],
    node,
    meshConfig: {
      ...one.meshConfig,
      ...(trustDomain === undefined ? {} : { trustDomain, trustDomainAliases: aliases }),
    },
  });
  const { listeners } = resourcesToJson(generate(snapshot, proxy).value);
  const inbound = listeners.virtualInbound as unknown as Listener; // as Envoy's API has it
  const named = one.kind === "http" ? "virtualInbound-catchall-http" : "virtualInbound";
  const filters = inbound.filter_chains.find(({ name }) => name === named)?.filters ?? [];
  const all = one.kind === "http" ? (filters.at(-1)?.typed_config.http_filters ?? []) : filters;
  return all.filter((filter) => decides(filter) && isCustom(filter) === (one.customBuilder ?? false));
}

function decides({ typed_config }: Filter): boolean {
  return /\.(rbac|ext_authz)\.v3\./.test(typed_config["@type"]);
}

function isCustom({ typed_config }: Filter): boolean {
  const { rules, shadow_rules } = typed_config;
  const names = Object.keys({ ...rules?.policies, ...shadow_rules?.policies });
  return (
    typed_config["@type"].includes(".ext_authz.") || names.some((name) => name.startsWith("istio-ext-authz"))
  );
}

/** Fields by the names of the proto files, as Weft's resources have them; names of policies are no fields. */
function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (value === null || typeof value !== "object") return value;
  const field = (key: string) =>
    /^[a-zA-Z]+$/.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [field(key), snakeCase(inner)]));
}

function compare(want: readonly unknown[], got: readonly Filter[]): Outcome {
  const difference = firstDifference(want, got);
  return difference === undefined ? passed : failed(difference);
}
