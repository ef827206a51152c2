import { isFieldSet } from "@bufbuild/protobuf";
import type { Problem } from "@weft/base";
import { type Bootstrap, BootstrapSchema } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import {
  type ApiConfigSource,
  ApiConfigSource_ApiType,
  type ConfigSource,
} from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import type { StatsConfig } from "@weft/envoy-api/envoy/config/metrics/v3/stats_pb.js";
import type { ListStringMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/string_pb.js";
import { compileString } from "@weft/matching";
import {
  type CompileEnvironment,
  compileCluster,
  compileEndpoints,
  compileListener,
} from "../compile/index.ts";
import { Problems } from "../compile/problems.ts";
import { decodeStringMatcher } from "../compile/route/matchers.ts";
import { compileAddress } from "../compile/values.ts";
import type { SocketAddress } from "../runtime/connection.ts";
import { defaultTagRules, parseTagRegex, type TagRule } from "../stats/index.ts";

/** Where the management server is. */
export interface AdsConfig {
  /** `unix:PATH` or `HOST:PORT`. */
  readonly address: string;
  readonly mode: "delta" | "sotw";
  /** Whether clusters and listeners come from it. */
  readonly clusters: boolean;
  readonly listeners: boolean;
  /** How long starting waits for the first clusters and listeners; 0 for no limit. */
  readonly initialFetchTimeoutMs: number;
}

/** What a bootstrap says besides its static resources. */
export interface BootstrapSettings {
  /** Where the admin API listens; undefined: nowhere. */
  readonly admin: SocketAddress | undefined;
  readonly ads: AdsConfig | undefined;
  readonly tagRules: readonly TagRule[];
  readonly acceptsStat: (name: string) => boolean;
}

/** Fields of the bootstrap that are acted on; all others are accepted, and a warning says that they change nothing. */
const usedFields = new Set(["node", "static_resources", "dynamic_resources", "admin", "stats_config"]);

/** Reads the settings of a bootstrap. */
export function compileBootstrap(bootstrap: Bootstrap): {
  readonly value: BootstrapSettings;
  readonly problems: readonly Problem[];
} {
  const problems = new Problems();
  for (const field of BootstrapSchema.fields) {
    if (usedFields.has(field.name) || !isFieldSet(bootstrap, field)) continue;
    problems.warning(field.name, "without-effect", "is accepted and changes nothing in this proxy");
  }
  const value: BootstrapSettings = {
    admin: bootstrap.admin?.address && compileAddress(bootstrap.admin.address, "admin.address", problems),
    ads: compileAds(bootstrap, problems),
    tagRules: compileTagRules(bootstrap.statsConfig, problems),
    acceptsStat: compileStatsMatcher(bootstrap.statsConfig, problems),
  };
  return { value, problems: problems.list };
}

/** Compiles the static resources, for `--mode validate`: all that is wrong with them, each problem with its resource. */
export function validateStaticResources(
  bootstrap: Bootstrap,
  environment: CompileEnvironment,
): readonly Problem[] {
  const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
  const named = (path: string, problems: readonly Problem[]) =>
    problems.map((problem) => ({ ...problem, path: problem.path === "" ? path : `${path}.${problem.path}` }));
  return [
    ...clusters.flatMap((cluster, i) =>
      named(`static_resources.clusters[${i}]`, compileCluster(cluster, environment).problems),
    ),
    ...listeners.flatMap((listener, i) =>
      named(`static_resources.listeners[${i}]`, compileListener(listener, environment).problems),
    ),
  ];
}

function compileAds(bootstrap: Bootstrap, problems: Problems): AdsConfig | undefined {
  const dynamic = bootstrap.dynamicResources;
  if (dynamic === undefined) return undefined;
  const fromAds = (source: ConfigSource | undefined, path: string) => {
    if (source === undefined) return false;
    if (source.configSourceSpecifier.case === "ads") return true;
    problems.error(path, "not-implemented", "only ads is implemented as a source");
    return false;
  };
  const clusters = fromAds(dynamic.cdsConfig, "dynamic_resources.cds_config");
  const listeners = fromAds(dynamic.ldsConfig, "dynamic_resources.lds_config");
  const source = dynamic.adsConfig;
  if (source === undefined) {
    if (clusters || listeners)
      problems.error("dynamic_resources.ads_config", "missing", "needed for ads sources");
    return undefined;
  }
  const address = adsAddress(bootstrap, source, problems);
  if (address === undefined) return undefined;
  const timeout = dynamic.cdsConfig?.initialFetchTimeout;
  return {
    address,
    mode: source.apiType === ApiConfigSource_ApiType.DELTA_GRPC ? "delta" : "sotw",
    clusters,
    listeners,
    initialFetchTimeoutMs:
      timeout === undefined ? 15_000 : Number(timeout.seconds) * 1000 + timeout.nanos / 1e6,
  };
}

/** The first endpoint of the static cluster that the ADS source names. */
function adsAddress(bootstrap: Bootstrap, source: ApiConfigSource, problems: Problems): string | undefined {
  const path = "dynamic_resources.ads_config";
  const service = source.grpcServices[0]?.targetSpecifier;
  if (service?.case === "googleGrpc") return service.value.targetUri;
  if (service?.case !== "envoyGrpc") {
    problems.error(`${path}.grpc_services`, "missing", "needs one service with envoy_grpc or google_grpc");
    return undefined;
  }
  const name = service.value.clusterName;
  const address = grpcAddress(bootstrap, name);
  if (address === undefined) {
    problems.error(
      `${path}.grpc_services[0].envoy_grpc.cluster_name`,
      "unknown-cluster",
      `there is no static cluster "${name}" with an endpoint`,
    );
  }
  return address;
}

/** The first endpoint of a static cluster, as gRPC's clients write it; undefined where there is none. */
export function grpcAddress(bootstrap: Bootstrap, name: string): string | undefined {
  const assignment = bootstrap.staticResources?.clusters.find(
    (cluster) => cluster.name === name,
  )?.loadAssignment;
  const endpoint =
    assignment && compileEndpoints(assignment).value?.localities.flatMap(({ endpoints }) => endpoints)[0];
  if (endpoint === undefined) return undefined;
  if (endpoint.port === 0) return `unix:${endpoint.address}`;
  return endpoint.address.includes(":")
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

function compileTagRules(config: StatsConfig | undefined, problems: Problems): readonly TagRule[] {
  const own = (config?.statsTags ?? []).flatMap(({ tagName, tagValue }, index): TagRule[] => {
    const path = `stats_config.stats_tags[${index}]`;
    if (tagValue.case === "fixedValue") {
      problems.warning(`${path}.fixed_value`, "without-effect", "fixed tags are not added");
      return [];
    }
    // Without a regex it is the built-in rule of that name.
    if (tagValue.case !== "regex" || tagValue.value === "") {
      return defaultTagRules.filter(({ name }) => name === tagName);
    }
    try {
      return [{ name: tagName, regex: parseTagRegex(tagValue.value) }];
    } catch (error) {
      problems.error(`${path}.regex`, "invalid-regex", (error as Error).message);
      return [];
    }
  });
  return config?.useAllDefaultTags === false ? own : [...own, ...defaultTagRules];
}

function compileStatsMatcher(config: StatsConfig | undefined, problems: Problems): (name: string) => boolean {
  const matcher = config?.statsMatcher?.statsMatcher;
  const path = "stats_config.stats_matcher";
  const compileList = (list: ListStringMatcher, at: string) => {
    const tests = list.patterns.map((pattern, index) =>
      compileString(decodeStringMatcher(pattern, `${at}.patterns[${index}]`, problems)),
    );
    return (name: string) => tests.some((test) => test(name));
  };
  switch (matcher?.case) {
    case "rejectAll":
      return () => !matcher.value;
    case "inclusionList":
      return compileList(matcher.value, `${path}.inclusion_list`);
    case "exclusionList": {
      const excluded = compileList(matcher.value, `${path}.exclusion_list`);
      return (name) => !excluded(name);
    }
    default:
      return () => true;
  }
}
