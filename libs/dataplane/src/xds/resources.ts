import { setImmediate as nextTurn } from "node:timers/promises";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Clock, Problem } from "@weft/base";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import type { Logger } from "@weft/observability";
import type { ClusterManager } from "../cluster/index.ts";
import {
  type Compiled,
  type CompileEnvironment,
  compileCluster,
  compileEndpoints,
  compileListener,
  compileTableHead,
} from "../compile/index.ts";
import { BindError, type ListenerManager } from "../listener/index.ts";
import type { ListenerConfig } from "../runtime/listener-config.ts";
import { holdBackMs, type SecretRef, type TlsMaterial, TransportSocketError } from "../tls/index.ts";
import { type ConfigState, createConfigState } from "./config-state.ts";
import { RefusedError } from "./refused-error.ts";
import type { RouteStore } from "./route-store.ts";
import { createVirtualHosts } from "./virtual-hosts.ts";

/** A resource as it comes in: its name and version, and the encoded message. */
export interface IncomingResource {
  readonly name: string;
  readonly value: Uint8Array;
  readonly version: string;
  readonly isStatic?: boolean;
}

/** Parts of {@link createResources}. */
export interface ResourcesOptions {
  readonly clusters: ClusterManager;
  readonly listeners: ListenerManager;
  readonly routes: RouteStore;
  readonly environment: CompileEnvironment;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Takes a change of one type: what can be taken is, and what is wrong with the rest is returned, a line for each. */
export type ApplyResources = (
  changed: Iterable<IncomingResource>,
  removed: readonly string[],
) => Promise<readonly string[]>;

/** The configuration of the proxy: takes resources, keeps the last good version of each, and remembers it for dumps. */
export interface Resources {
  readonly applyClusters: ApplyResources;
  readonly applyEndpoints: ApplyResources;
  readonly applyListeners: ApplyResources;
  readonly applyRoutes: ApplyResources;
  readonly applyVirtualHosts: ApplyResources;
  readonly state: {
    readonly clusters: ConfigState;
    readonly endpoints: ConfigState;
    readonly listeners: ConfigState;
    readonly routes: ConfigState;
    readonly virtualHosts: ConfigState;
  };
  /** Listeners that wait for their routes, by name. */
  readonly warmingListeners: ReadonlySet<string>;
  /** Names of the route configurations that listeners refer to, waiting ones included. */
  routeNames(): Set<string>;
  /** Whether a route configuration has its virtual hosts from VHDS. */
  readonly discoversHosts: boolean;
  /** Forgets the routes that have none of these names; returns the names of the virtual hosts that went with them. */
  forgetRoutes(wanted: ReadonlySet<string>): readonly string[];
  /** The secrets that clusters and listeners refer to, waiting ones included, by key. */
  secretRefs(): Map<string, SecretRef>;
  /** What is in use for handshakes, each once; contexts whose secrets are missing are left out. */
  tlsMaterials(): readonly TlsMaterial[];
  /** Calls `fn` once no listener waits: now, if so already. */
  whenListenersWarm(fn: () => void): void;
}

/** After so long, requests get a turn before the next resource of a large update is compiled. */
const sliceMs = 10;

/** Creates the configuration of a proxy, empty. */
export function createResources(options: ResourcesOptions): Resources {
  const { clusters, listeners, routes, environment, clock, logger } = options;
  const state = {
    clusters: createConfigState(clock),
    endpoints: createConfigState(clock),
    listeners: createConfigState(clock),
    routes: createConfigState(clock),
    virtualHosts: createConfigState(clock),
  };
  const virtualHosts = createVirtualHosts({
    routes,
    state: state.virtualHosts,
    stats: environment.stats.scope("vhds"),
    clock,
  });
  /** How to give up on the listeners that wait. */
  const warming = new Map<string, { readonly config: ListenerConfig; readonly cancel: () => void }>();
  let waiting: (() => void)[] = [];

  const logWarnings = (kind: string, name: string, problems: readonly Problem[]) => {
    for (const { severity, path, message } of problems) {
      if (severity === "warning") logger.debug({ [kind]: name, path }, message);
    }
  };

  /** The common part: decode, compile, hand over, remember. */
  const apply = async <Desc extends DescMessage, T>(
    kind: { readonly name: string; readonly schema: Desc; readonly state: ConfigState },
    changed: Iterable<IncomingResource>,
    compile: (message: MessageShape<Desc>) => Compiled<T>,
    use: (value: T, resource: IncomingResource) => void | Promise<void>,
  ): Promise<string[]> => {
    const errors: string[] = [];
    let sliceStart = clock.monotonic();
    for (const resource of changed) {
      if (clock.monotonic() - sliceStart > sliceMs) {
        await nextTurn();
        sliceStart = clock.monotonic();
      }
      const details = await takeOne(kind.schema, resource, compile, use, (problems) =>
        logWarnings(kind.name, resource.name, problems),
      );
      if (details === undefined) {
        kind.state.accept(resource);
        continue;
      }
      kind.state.reject(resource, details);
      errors.push(`Error adding/updating ${kind.name} ${resource.name}: ${details}`);
    }
    return errors;
  };

  const settleListener = (name: string) => {
    warming.delete(name);
    environment.stats.scope("listener_manager").gauge("total_listeners_warming").set(warming.size);
    if (warming.size > 0) return;
    const ready = waiting;
    waiting = [];
    for (const fn of ready) fn();
  };
  const stopWarming = (name: string) => {
    warming.get(name)?.cancel();
    if (warming.has(name)) settleListener(name);
  };

  /** Puts a listener to use once its routes and secrets are there; the present one stays in use until then. */
  const useListener = async (config: ListenerConfig) => {
    stopWarming(config.name);
    let ready = false;
    let cancelTimers = () => {};
    const begin = async () => {
      cancelTimers();
      try {
        await listeners.upsert(config);
      } finally {
        if (warming.get(config.name)?.config === config) settleListener(config.name);
      }
    };
    const late = () => {
      begin().catch((error: unknown) => {
        if (error instanceof BindError)
          state.listeners.reject(recordOf(state.listeners, config.name), error.message);
        logger.error({ err: error, listener: config.name }, "cannot start a listener");
      });
    };
    const missing = new Set(["routes", "secrets"]);
    const found = (what: string) => {
      if (!missing.delete(what) || missing.size > 0) return;
      if (warming.has(config.name)) late();
      else ready = true;
    };
    const giveUps = [
      routes.whenAnswered(config.routeNames, () => found("routes")),
      environment.tls.secrets.whenReady(config.secrets, () => found("secrets")),
    ];
    if (ready) {
      await begin();
      return;
    }
    const timers = [
      ...(config.routesTimeoutMs > 0 ? [clock.after(config.routesTimeoutMs, () => found("routes"))] : []),
      clock.after(holdBackMs(config.secrets), () => found("secrets")),
    ];
    cancelTimers = () => {
      for (const cancel of [...giveUps, ...timers]) cancel();
    };
    warming.set(config.name, {
      config,
      cancel: () => cancelTimers(),
    });
    environment.stats.scope("listener_manager").gauge("total_listeners_warming").set(warming.size);
  };

  const isStatic = (of: ConfigState, name: string) => of.records.get(name)?.isStatic === true;

  return {
    state,
    get warmingListeners() {
      return new Set(warming.keys());
    },
    async applyClusters(changed, removed) {
      const errors = await apply(
        { name: "cluster", schema: ClusterSchema, state: state.clusters },
        changed,
        (message) => compileCluster(message, environment),
        (config, resource) => {
          if (resource.isStatic !== true && isStatic(state.clusters, config.name)) {
            throw new RefusedError("is a static cluster, which cannot be replaced");
          }
          clusters.upsert(config);
        },
      );
      for (const name of removed) {
        if (isStatic(state.clusters, name)) continue;
        clusters.remove(name);
        state.clusters.remove(name);
      }
      return errors;
    },
    async applyEndpoints(changed, removed) {
      const errors = await apply(
        { name: "endpoints", schema: ClusterLoadAssignmentSchema, state: state.endpoints },
        changed,
        compileEndpoints,
        (assignment, { name }) => clusters.setAssignment(name, assignment),
      );
      for (const name of removed) {
        clusters.forgetAssignment(name);
        state.endpoints.remove(name);
      }
      return errors;
    },
    async applyListeners(changed, removed) {
      // First removals: a new listener may take the address of an old one.
      for (const name of removed) {
        if (isStatic(state.listeners, name)) continue;
        stopWarming(name);
        await listeners.remove(name);
        state.listeners.remove(name);
      }
      return apply(
        { name: "listener", schema: ListenerSchema, state: state.listeners },
        changed,
        (message) => compileListener(message, environment),
        (config) => useListener(config),
      );
    },
    async applyRoutes(changed, removed) {
      const errors = await apply(
        { name: "route configuration", schema: RouteConfigurationSchema, state: state.routes },
        changed,
        (message) => compileTableHead(message, environment.httpFilters),
        (head) => virtualHosts.setTable(head),
      );
      // As in Envoy: a table in use stays, even if the server no longer has it.
      for (const name of removed) routes.setAbsent(name);
      return errors;
    },
    applyVirtualHosts: (changed, removed) => virtualHosts.apply(changed, removed),
    get discoversHosts() {
      return virtualHosts.needed;
    },
    routeNames() {
      const names = new Set<string>();
      for (const { config } of [...listeners.listeners.values(), ...warming.values()]) {
        for (const name of config.routeNames) names.add(name);
      }
      return names;
    },
    forgetRoutes(names) {
      for (const name of [...state.routes.records.keys()]) if (!names.has(name)) state.routes.remove(name);
      return virtualHosts.retain(names);
    },
    secretRefs() {
      const users = [
        ...[...clusters.active.values(), ...clusters.warming.values()].map(({ config }) => config),
        ...[...listeners.listeners.values(), ...warming.values()].map(({ config }) => config),
      ];
      return new Map(users.flatMap(({ secrets }) => secrets.map((ref) => [ref.key, ref] as const)));
    },
    tlsMaterials() {
      const users = [...clusters.active.values(), ...listeners.listeners.values()].map(
        ({ config }) => config,
      );
      const found = new Map<string, TlsMaterial>();
      for (const material of users.flatMap(({ tlsMaterials }) => tlsMaterials)) {
        try {
          const present = material();
          const { certificates, trust } = present;
          found.set(JSON.stringify([certificates.map(({ id }) => id), trust?.ca]), present);
        } catch (error) {
          if (!(error instanceof TransportSocketError)) throw error;
          // Its secret is missing: there is nothing to show.
        }
      }
      return [...found.values()];
    },
    whenListenersWarm(fn) {
      if (warming.size === 0) fn();
      else waiting.push(fn);
    },
  };
}

const recordOf = (state: ConfigState, name: string): IncomingResource =>
  state.records.get(name) ?? { name, value: new Uint8Array(), version: "" };

/** Takes one resource; returns what is wrong with it. */
async function takeOne<Desc extends DescMessage, T>(
  schema: Desc,
  resource: IncomingResource,
  compile: (message: MessageShape<Desc>) => Compiled<T>,
  use: (value: T, resource: IncomingResource) => void | Promise<void>,
  report: (problems: readonly Problem[]) => void,
): Promise<string | undefined> {
  let message: MessageShape<Desc>;
  try {
    message = fromBinary(schema, resource.value);
  } catch (error) {
    return `is no ${schema.typeName}: ${(error as Error).message}`;
  }
  const { value, problems } = compile(message);
  report(problems);
  if (value === undefined) {
    return problems
      .filter(({ severity }) => severity === "error")
      .map(({ path, message: text }) => (path === "" ? text : `${path}: ${text}`))
      .join("; ");
  }
  try {
    await use(value, resource);
    return undefined;
  } catch (error) {
    if (error instanceof RefusedError || error instanceof BindError) return error.message;
    throw error;
  }
}
