import type { OnReadOpts, Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { ProxiedAddresses } from "../proxy-protocol/header.ts";
import type { Cluster, Host, LimitedResource, Permit, PickContext, TryOutcome } from "../runtime/cluster.ts";
import type { Assignment, ClusterConfig } from "../runtime/cluster-config.ts";
import type { StatsScope } from "../runtime/stats.ts";
import { type OfferedProtocols, readyEvent } from "../runtime/transport.ts";
import { type CircuitBreaker, createCircuitBreaker } from "./circuit-breaker.ts";
import { type Resolver, watchDns } from "./dns.ts";
import { ClusterHost, hostKey } from "./host.ts";
import { createOnDemandHosts, type OnDemandHosts, type OnDemandOptions } from "./on-demand.ts";
import { createOutlierDetection, type OutlierDetection } from "./outlier-detection.ts";
import { createPicker, type LocalityHosts, type Picker } from "./picker.ts";
import { createSubsets, type Subsets } from "./subsets.ts";

/** What clusters are given from outside. */
export interface ClusterDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly resolver: Resolver;
  /** The process's scope; each cluster counts under `cluster.<name>.` of it. */
  readonly stats: StatsScope;
}

/** How often another host is looked for when the one chosen was tried before. */
const retriedPicks = 5;

/** One version of a cluster's configuration at work: hosts, balancing, breakers, outliers. */
export class RunningCluster implements Cluster {
  readonly config: ClusterConfig;
  readonly stats: StatsScope;
  readonly circuitBreaker: CircuitBreaker;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #hosts = new Map<string, ClusterHost>();
  readonly #retired = new AbortController();
  readonly #removalListeners = new Set<(hosts: readonly Host[]) => void>();
  readonly #outliers: OutlierDetection | undefined;
  readonly #onDemand: OnDemandHosts | undefined;
  readonly #dns: { close(): void } | undefined;
  readonly #onWarm: () => void;
  #localities: readonly LocalityHosts[] = [];
  #overprovisioningPercent = 140;
  #picker: Picker | undefined;
  #subsets: Subsets | undefined;
  #warm = false;

  /** `onWarm` is called once, when the cluster may be used; perhaps before the constructor returns. */
  constructor(config: ClusterConfig, dependencies: ClusterDependencies, onWarm: () => void) {
    this.config = config;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
    this.#onWarm = onWarm;
    this.stats = dependencies.stats.scope(`cluster.${config.observabilityName}`);
    this.circuitBreaker = createCircuitBreaker(config.limits, this.stats);
    if (config.outlierDetection !== undefined) {
      this.#outliers = createOutlierDetection({
        config: config.outlierDetection,
        hosts: () => this.hosts,
        changed: () => this.#refresh(),
        clock: this.#clock,
        random: this.#random,
        stats: this.stats,
      });
    }
    const { discovery } = config;
    switch (discovery.kind) {
      case "static":
        this.setAssignment(discovery.endpoints);
        break;
      case "original-dst":
        this.#onDemand = this.#createOnDemand(discovery.cleanupMs, ({ originalDestination: to }) =>
          to === undefined
            ? undefined
            : { address: to.address, port: discovery.portOverride ?? to.port, hostname: "" },
        );
        this.markWarm();
        break;
      case "dynamic":
        this.#onDemand = this.#createOnDemand(discovery.cache.config.hostTtlMs, ({ dynamicHost = "" }) => {
          const colon = dynamicHost.lastIndexOf(":");
          const hostname = dynamicHost.slice(0, colon);
          const address = discovery.cache.addressOf(hostname);
          return address === undefined
            ? undefined
            : { address, port: Number(dynamicHost.slice(colon + 1)), hostname };
        });
        this.markWarm();
        break;
      case "dns":
        this.#dns = watchDns({
          discovery,
          resolver: dependencies.resolver,
          clock: this.#clock,
          random: this.#random,
          onAssignment: (assignment) => this.setAssignment(assignment),
          onFailure: () => this.stats.counter("update_failure").inc(),
        });
        break;
      case "eds":
        break; // its endpoints come through the manager
    }
  }

  #createOnDemand(cleanupMs: number, destinationOf: OnDemandOptions["destinationOf"]): OnDemandHosts {
    return createOnDemandHosts({
      destinationOf,
      cleanupMs,
      clock: this.#clock,
      removed: (hosts) => this.#announceRemoved(hosts),
    });
  }

  get dynamic(): Cluster["dynamic"] {
    const { discovery } = this.config;
    return discovery.kind === "dynamic" ? discovery : undefined;
  }
  get healthyPercent(): number {
    const all = this.hosts;
    return all.length === 0 ? 100 : (100 * all.filter(({ healthy }) => healthy).length) / all.length;
  }
  get name(): string {
    return this.config.name;
  }
  get observabilityName(): string {
    return this.config.observabilityName;
  }
  get metadata(): Cluster["metadata"] {
    return this.config.metadata;
  }
  get connectTimeoutMs(): number {
    return this.config.connectTimeoutMs;
  }
  get protocol(): Cluster["protocol"] {
    return this.config.protocol;
  }
  get http2(): Cluster["http2"] {
    return this.config.http2;
  }
  get maxRequestsPerConnection(): number {
    return this.config.maxRequestsPerConnection;
  }
  get idleTimeoutMs(): number {
    return this.config.idleTimeoutMs;
  }
  get retired(): AbortSignal {
    return this.#retired.signal;
  }
  /** May be used: endpoints are known, or waiting for them was given up. */
  get warm(): boolean {
    return this.#warm;
  }
  /** The present hosts. */
  get hosts(): readonly ClusterHost[] {
    return [...(this.#onDemand?.hosts ?? this.#hosts).values()];
  }

  /** Declares the cluster usable with what it has. Idempotent. */
  markWarm(): void {
    if (this.#warm) return;
    this.#warm = true;
    this.#onWarm();
  }

  /** Takes over a new set of endpoints: known hosts stay the same objects, others leave and their pools are told. */
  setAssignment(assignment: Assignment): void {
    const gone = new Map(this.#hosts);
    const before = this.#hosts.size;
    this.#localities = assignment.localities.map(({ locality, priority, weight, endpoints }) => ({
      priority,
      weight,
      hosts: endpoints.map((endpoint) => {
        const key = hostKey(endpoint);
        gone.delete(key);
        const known = this.#hosts.get(key);
        if (known !== undefined) {
          known.update(endpoint, locality, priority);
          return known;
        }
        const host = new ClusterHost(endpoint, locality, priority, this.#clock.monotonic());
        this.#hosts.set(key, host);
        return host;
      }),
    }));
    this.#overprovisioningPercent = assignment.overprovisioningPercent;
    for (const key of gone.keys()) this.#hosts.delete(key);
    if (gone.size > 0 || this.#hosts.size !== before) this.stats.counter("membership_change").inc();
    this.stats.counter("update_success").inc();
    this.#refresh();
    this.#announceRemoved([...gone.values()]);
    this.markWarm();
  }

  pick(context: PickContext): Host | undefined {
    if (this.#onDemand !== undefined) return this.#onDemand.pick(context);
    const picker = this.#pickerFor(context);
    if (picker === undefined) return undefined;
    if (picker.panic) this.stats.counter("lb_healthy_panic").inc();
    const { tried, rejects, attempts = retriedPicks } = context;
    let host = picker.pick(context);
    if (tried === undefined && rejects === undefined) return host;
    const unwanted = (one: Host) => tried?.has(one) === true || rejects?.(one) === true;
    // As Envoy: where all attempts give a host that is not wanted, the last of them is taken.
    for (let attempt = 1; attempt <= attempts && host !== undefined && unwanted(host); attempt++)
      host = picker.pick(context, attempt) ?? host;
    return host;
  }

  #pickerFor(context: PickContext): Picker | undefined {
    const { subsets } = this.config;
    if (subsets === undefined) {
      this.#picker ??= this.#createPicker(this.#localities);
      return this.#picker;
    }
    this.#subsets ??= createSubsets(
      this.#localities,
      subsets,
      (localities) => this.#createPicker(localities),
      this.stats,
    );
    return this.#subsets.pickerFor(context.subset);
  }

  #createPicker(localities: readonly LocalityHosts[]): Picker {
    const { loadBalancer, localityWeighted, panicThreshold, failTrafficOnPanic } = this.config;
    return createPicker(localities, {
      loadBalancer,
      localityWeighted,
      overprovisioningPercent: this.#overprovisioningPercent,
      panicThreshold,
      failTrafficOnPanic,
      random: this.#random,
      now: () => this.#clock.monotonic(),
    });
  }

  report(host: Host, outcome: TryOutcome): void {
    if (!(host instanceof ClusterHost)) return;
    const { figures } = host;
    figures.rqTotal++;
    if (outcome.kind === "response" && outcome.status < 500) figures.rqSuccess++;
    else figures.rqError++;
    if (outcome.kind === "timeout") figures.rqTimeout++;
    this.#outliers?.report(host, outcome);
  }

  acquire(what: LimitedResource): Permit | undefined {
    return this.circuitBreaker.acquire(what);
  }

  get tellsDownstream(): boolean {
    return this.config.transport.tellsDownstream === true;
  }

  connect(
    host: Host,
    onread?: OnReadOpts,
    offered?: OfferedProtocols,
    downstream?: ProxiedAddresses,
  ): Socket {
    const { stats, config } = this;
    const figures = host instanceof ClusterHost ? host.figures : undefined;
    stats.counter("upstream_cx_total").inc();
    const active = stats.gauge("upstream_cx_active");
    active.inc();
    if (figures !== undefined) {
      figures.cxTotal++;
      figures.cxActive++;
    }
    const socket = config.transport.connect(host, config.bindAddress, onread, offered, { downstream });
    const started = this.#clock.monotonic();
    let connected = false;
    socket.once(readyEvent(socket), () => {
      connected = true;
      stats.histogram("upstream_cx_connect_ms").record(this.#clock.monotonic() - started);
    });
    socket.once("close", () => {
      active.dec();
      if (figures !== undefined) figures.cxActive--;
      stats.counter("upstream_cx_destroy").inc();
      if (connected) return;
      stats.counter("upstream_cx_connect_fail").inc();
      if (figures !== undefined) figures.cxConnectFail++;
    });
    return socket;
  }

  onHostsRemoved(listener: (hosts: readonly Host[]) => void): () => void {
    this.#removalListeners.add(listener);
    return () => this.#removalListeners.delete(listener);
  }

  /** Ends timers and tells pools to drain. Idempotent. */
  close(): void {
    this.#dns?.close();
    this.#outliers?.close();
    this.#onDemand?.close();
    this.#retired.abort();
    this.#removalListeners.clear();
  }

  #announceRemoved(hosts: readonly ClusterHost[]): void {
    if (hosts.length === 0) return;
    for (const listener of this.#removalListeners) listener(hosts);
  }

  #refresh(): void {
    this.#picker = undefined;
    this.#subsets = undefined;
    let healthy = 0;
    let degraded = 0;
    for (const host of this.#hosts.values()) {
      if (host.healthy) healthy++;
      if (host.degraded) degraded++;
    }
    this.stats.gauge("membership_total").set(this.#hosts.size);
    this.stats.gauge("membership_healthy").set(healthy);
    this.stats.gauge("membership_degraded").set(degraded);
  }
}
