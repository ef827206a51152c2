import { type Kind, kinds } from "@weft/istio-api";
import { type KubeApi, KubeApiError } from "@weft/kubernetes";

/** A kind to be read, whatever its version. */
export interface WatchedKind extends Pick<Kind, "group" | "kind" | "plural" | "versions" | "scope"> {
  /** Which objects of the kind; default: all. */
  readonly fieldSelector?: string;
}

/**
 * Credentials of gateways are Secrets. The many that tools and the control plane of Kubernetes keep for themselves are
 * not asked for.
 */
const secrets: WatchedKind = {
  group: "",
  kind: "Secret",
  plural: "secrets",
  versions: ["v1"],
  scope: "Namespaced",
  fieldSelector: [
    "type!=helm.sh/release.v1",
    "type!=kubernetes.io/service-account-token",
    "type!=kubernetes.io/dockerconfigjson",
    "type!=bootstrap.kubernetes.io/token",
  ].join(","),
};

/** Every kind that the mesh reads of a cluster. */
export const watchedKinds: readonly WatchedKind[] = [...kinds, secrets];

/** Name of a kind in messages, as in RBAC rules: `virtualservices.networking.istio.io`. */
export function resourceName({ plural, group }: Pick<WatchedKind, "plural" | "group">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/**
 * The path a kind is served at: of the versions that the mesh knows, the first that the server has; undefined where it
 * has none, as before its CRD is installed.
 */
export async function servedPath(api: KubeApi, kind: WatchedKind): Promise<string | undefined> {
  for (const version of kind.versions) {
    const path = kind.group === "" ? `/api/${version}` : `/apis/${kind.group}/${version}`;
    const resources = await api.get({ path }).catch((error: unknown) => {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    });
    const served = (resources as { readonly resources?: readonly { readonly name?: unknown }[] } | undefined)
      ?.resources;
    if (served?.some(({ name }) => name === kind.plural)) return `${path}/${kind.plural}`;
  }
  return undefined;
}
