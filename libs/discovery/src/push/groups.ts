import type { ResourceSet } from "@weft/envoy-api";
import type { EgressScope, ProxyNode, ProxyView } from "@weft/mesh-model";
import type { ConnectedProxy } from "../proxies.ts";

/** What a group's set lacks of the present snapshot: nothing, the endpoints of some services (by `serviceKey`), or anything. */
export type Lack = "nothing" | "all" | ReadonlySet<string>;

/** Proxies whose views are equal, and the set they share. */
export interface ViewGroup {
  /** See `viewKey`. */
  readonly key: string;
  readonly type: ProxyNode["type"];
  readonly members: Set<ConnectedProxy>;
  /** What its members reach, as of the snapshot for which it was last looked at. */
  scope: EgressScope;
  /** Hosts of the services that its members serve. */
  readonly ownHosts: ReadonlySet<string>;
  /** What its views were last translated to. */
  set: ResourceSet | undefined;
  lacks: Lack;
  /** Why its last translation failed; its members keep what they have. */
  failure: string | undefined;
}

/** The groups of all proxies. */
export interface ViewGroups {
  readonly all: Iterable<ViewGroup>;
  /** The group of a view, made where there is none. */
  of(view: ProxyView, key: string): ViewGroup;
  /** Moves a proxy into its group. */
  move(proxy: ConnectedProxy, group: ViewGroup): void;
  /** The proxy is gone. Its group stays for a while, for those who come back. */
  leave(proxy: ConnectedProxy): void;
  /** Forgets the groups without members. */
  dropEmpty(): void;
}

/** Groups without members that are kept; more, and the oldest is forgotten. */
const maxEmpty = 1_000;

/** Creates {@link ViewGroups} without any; `onDrop` is told of each group that is forgotten. */
export function createViewGroups(onDrop: (group: ViewGroup) => void): ViewGroups {
  const groups = new Map<string, ViewGroup>();
  const empty = new Set<ViewGroup>();
  const drop = (group: ViewGroup) => {
    groups.delete(group.key);
    empty.delete(group);
    onDrop(group);
  };
  const leave = (proxy: ConnectedProxy) => {
    const { group } = proxy;
    proxy.group = undefined;
    if (group?.members.delete(proxy) !== true || group.members.size > 0) return;
    empty.add(group);
    const [oldest] = empty;
    if (empty.size > maxEmpty && oldest !== undefined) drop(oldest);
  };
  return {
    get all() {
      return groups.values();
    },
    of: (view, key) => {
      const known = groups.get(key);
      if (known !== undefined) return known;
      const group: ViewGroup = {
        key,
        type: view.node.type,
        members: new Set(),
        scope: view.scope,
        ownHosts: new Set(view.serviceTargets.map(({ service }) => service.hostname)),
        set: undefined,
        lacks: "all",
        failure: undefined,
      };
      groups.set(key, group);
      empty.add(group);
      return group;
    },
    move: (proxy, group) => {
      if (proxy.group === group) return;
      leave(proxy);
      proxy.group = group;
      group.members.add(proxy);
      empty.delete(group);
    },
    leave,
    dropEmpty: () => [...empty].forEach(drop),
  };
}

/** Adds to what a group lacks the endpoints of a service. */
export function lackEndpoints(group: ViewGroup, service: string): void {
  if (group.lacks === "all") return;
  group.lacks = new Set(group.lacks === "nothing" ? [] : group.lacks).add(service);
}
