import type { Service } from "../service.ts";
import type { MeshSnapshot } from "../snapshot.ts";
import { isVisibleTo } from "../visibility.ts";

/** The services that clients in `namespace` may see, in Istio's order; shared where all are public. */
export function visibleServices(snapshot: MeshSnapshot, namespace: string): readonly Service[] {
  const { all } = snapshot.services;
  const allPublic = snapshot.memo.get("services-all-public", () =>
    all.every(({ exportTo }) => exportTo.kind === "public"),
  );
  if (allPublic) return all;
  const lists = visible.get(all) ?? new Map<string, readonly Service[]>();
  visible.set(all, lists);
  const known = lists.get(namespace);
  if (known !== undefined) return known;
  const made = Object.freeze(all.filter(({ exportTo }) => isVisibleTo(exportTo, namespace)));
  lists.set(namespace, made);
  return made;
}

/** Kept for as long as the services, by namespace: what follows from them stays when other objects change. */
const visible = new WeakMap<readonly Service[], Map<string, readonly Service[]>>();

/**
 * One service for each host name: the first (so that a newcomer takes over no host), but a Kubernetes Service before
 * a ServiceEntry (so that nobody squats on the name of a service to come).
 */
export function servicesByHostname(
  snapshot: MeshSnapshot,
  services: readonly Service[],
): ReadonlyMap<string, Service> {
  const build = () => {
    const byHostname = new Map<string, Service>();
    for (const service of services) {
      const existing = byHostname.get(service.hostname);
      const better = existing?.registry === "External" && service.registry === "Kubernetes";
      if (existing === undefined || better) byHostname.set(service.hostname, service);
    }
    return byHostname;
  };
  return services === snapshot.services.all ? snapshot.memo.get("services-by-hostname", build) : build();
}
