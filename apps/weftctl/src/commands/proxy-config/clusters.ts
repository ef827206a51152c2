import { formatTable } from "../../output/table.ts";
import { describeOrigin, type Json, text } from "./config-dump.ts";

/** `--fqdn`, `--direction`, `--port` and `--subset`. */
export interface ClusterFilter {
  readonly fqdn?: string;
  readonly direction?: string;
  readonly port?: number;
  readonly subset?: string;
}

/** The parts of one of Istio's cluster names. */
interface ClusterName {
  readonly direction: string;
  readonly port: string;
  readonly subset: string;
  readonly fqdn: string;
}

/** Splits `outbound|9080|v1|reviews.default.svc.cluster.local`; another name is all FQDN. */
function parseClusterName(name: string): ClusterName {
  const [direction, port, subset, fqdn, ...more] = name.split("|");
  if (
    direction === undefined ||
    port === undefined ||
    subset === undefined ||
    fqdn === undefined ||
    more.length > 0
  ) {
    return { direction: "", port: "", subset: "", fqdn: name };
  }
  return { direction, port, subset, fqdn };
}

/** The clusters that match, by name. */
export function selectClusters(clusters: readonly Json[], filter: ClusterFilter): readonly Json[] {
  return clusters
    .filter((cluster) => {
      const { direction, port, subset, fqdn } = parseClusterName(text(cluster.name));
      return (
        (filter.fqdn === undefined || fqdn.includes(filter.fqdn)) &&
        (filter.direction === undefined || direction === filter.direction) &&
        (filter.port === undefined || port === String(filter.port)) &&
        (filter.subset === undefined || subset === filter.subset)
      );
    })
    .sort((a, b) => compareNames(parseClusterName(text(a.name)), parseClusterName(text(b.name))));
}

function compareNames(a: ClusterName, b: ClusterName): number {
  const order = (name: ClusterName) =>
    [name.fqdn, name.port.padStart(5), name.subset, name.direction].join("\0");
  return order(a) < order(b) ? -1 : 1;
}

/** The table of `proxy-config clusters`, with istioctl's columns. */
export function clusterTable(clusters: readonly Json[]): string {
  const rows = clusters.map((cluster) => {
    const { direction, port, subset, fqdn } = parseClusterName(text(cluster.name));
    const type = text(cluster.type) || (cluster.cluster_type === undefined ? "STATIC" : "CUSTOM");
    return [fqdn, port || "-", subset || "-", direction || "-", type, describeOrigin(cluster.metadata)];
  });
  return formatTable(["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"], rows);
}
