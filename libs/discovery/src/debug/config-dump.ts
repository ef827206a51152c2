import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type EncodedResource, type ResourceSet, toEnvoyJson, typeUrls } from "@weft/envoy-api";

type Json = ReturnType<typeof toEnvoyJson>;

/**
 * A resource set as Envoy's `/config_dump`: what the proxy should have, in the words in which it tells what it has.
 * `names`: the resources of a type that the proxy asked for; undefined for all of them.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
 */
export function toConfigDump(
  set: ResourceSet,
  names: (typeUrl: string) => ReadonlySet<string> | undefined,
): { readonly configs: readonly object[] } {
  const resources = (typeUrl: string): readonly EncodedResource[] => {
    const wanted = names(typeUrl);
    const all = [...set.ofType(typeUrl).values()];
    return wanted === undefined ? all : all.filter(({ name }) => wanted.has(name));
  };
  const dump = (name: string, content: object) => ({
    "@type": `type.googleapis.com/envoy.admin.v3.${name}`,
    ...content,
  });
  const wrapped = (typeUrl: string, field: string) =>
    resources(typeUrl).map((resource) => ({ version_info: resource.version, [field]: toJson(resource) }));
  return {
    configs: [
      dump("ClustersConfigDump", {
        version_info: set.typeVersion(typeUrls.cluster),
        dynamic_active_clusters: wrapped(typeUrls.cluster, "cluster"),
      }),
      dump("EndpointsConfigDump", {
        dynamic_endpoint_configs: wrapped(typeUrls.endpoint, "endpoint_config"),
      }),
      dump("ListenersConfigDump", {
        version_info: set.typeVersion(typeUrls.listener),
        dynamic_listeners: resources(typeUrls.listener).map((resource) => ({
          name: resource.name,
          active_state: { version_info: resource.version, listener: toJson(resource) },
        })),
      }),
      dump("RoutesConfigDump", {
        dynamic_route_configs: resources(typeUrls.route).map((resource) => ({
          version_info: resource.version,
          route_config: withHosts(toJson(resource), resources(typeUrls.virtualHost)),
        })),
      }),
    ],
  };
}

/** A table with those of the virtual hosts that are its own, as Envoy shows a table whose hosts came over VHDS. */
function withHosts(table: Json, hosts: readonly EncodedResource[]): Json {
  const { name, vhds, virtual_hosts: inline = [] } = table as Record<string, unknown>; // a message is an object
  if (vhds === undefined) return table;
  const own = hosts.filter((host) => host.name.slice(0, host.name.lastIndexOf("/")) === name);
  return { ...(table as object), virtual_hosts: [...(inline as Json[]), ...own.map(hostOf)] };
}

function hostOf(resource: EncodedResource): Json {
  const { "@type": _type, ...host } = toJson(resource) as Record<string, Json>; // a message is an object
  return host;
}

/** Secrets are not among the types shown, so nothing here needs redacting. */
function toJson(resource: EncodedResource): Json {
  return toEnvoyJson(AnySchema, fromBinary(AnySchema, resource.any));
}
