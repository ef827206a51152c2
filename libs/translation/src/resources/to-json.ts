import { create, fromBinary, type Message } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type EncodedResource, type ResourceSet, toEnvoyJson, typeUrls, unpackAny } from "@weft/envoy-api";
import { DataSourceSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Secret } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";

const sections = {
  clusters: typeUrls.cluster,
  endpoints: typeUrls.endpoint,
  listeners: typeUrls.listener,
  routes: typeUrls.route,
  secrets: typeUrls.secret,
} as const;

/** Resources as Envoy's JSON, by section and name. */
export type ResourcesJson = Readonly<Record<keyof typeof sections, Section>> & {
  /** TypedExtensionConfigs (ECDS); absent where there are none. */
  readonly extensions?: Section;
  /** Virtual hosts that are resources of their own (VHDS); absent where there are none. */
  readonly virtual_hosts?: Section;
};

type Section = Readonly<Record<string, unknown>>;

/** Stands for key material, as in Envoy's own config dump. */
const redacted = { specifier: { case: "inlineBytes" as const, value: Buffer.from("[redacted]") } };

/** A secret's message without its key. */
function redact(message: Message): void {
  const secret = message as Secret; // the caller has seen the type
  if (secret.type.case === "tlsCertificate")
    secret.type.value.privateKey = create(DataSourceSchema, redacted);
}

function decode({ any, typeUrl }: EncodedResource): unknown {
  const unpacked = unpackAny(fromBinary(AnySchema, any));
  if (unpacked === undefined) throw new Error("a resource of a type that Envoy's API does not have");
  if (typeUrl === typeUrls.secret) redact(unpacked.message);
  return toEnvoyJson(unpacked.schema, unpacked.message);
}

/** What a set holds, read back from its bytes: JSON with proto field names, names in order. Keys are left out. */
export function resourcesToJson(resources: ResourceSet): ResourcesJson {
  const section = (typeUrl: string) =>
    Object.fromEntries([...resources.ofType(typeUrl).values()].map((one) => [one.name, decode(one)]));
  const optional = (name: string, typeUrl: string) => {
    const found = section(typeUrl);
    return Object.keys(found).length === 0 ? {} : { [name]: found };
  };
  return {
    clusters: section(sections.clusters),
    endpoints: section(sections.endpoints),
    listeners: section(sections.listeners),
    routes: section(sections.routes),
    secrets: section(sections.secrets),
    ...optional("extensions", typeUrls.extensionConfig),
    ...optional("virtual_hosts", typeUrls.virtualHost),
  };
}
