import { isIP } from "node:net";
import type { Problem, WithProblems } from "@weft/base";
import type { ProxyNode } from "./proxy-node.ts";
import type { Locality } from "./service.ts";

/** The xDS node a proxy introduces itself with (envoy.config.core.v3.Node), as far as it is read. */
export interface NodeInput {
  readonly id: string;
  /** Istio's node metadata (pilot's NodeMetadata): https://istio.io/latest/docs/reference/commands/pilot-agent/ */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: Partial<Locality>;
  /** Names of the extensions, from the node's `extensions`. */
  readonly extensions?: readonly string[];
  /** Namespace of the identity that whoever took the connection has verified; never what the node says of itself. */
  readonly verifiedNamespace?: string;
}

type Metadata = Readonly<Record<string, unknown>>;

/**
 * Reads an xDS node. Without a usable id there is no value. Metadata of the wrong type is a warning and counts as
 * absent, as a proxy with odd metadata is better served than not.
 */
export function parseNode(input: NodeInput): WithProblems<ProxyNode | undefined> {
  const problems: Problem[] = [];
  const [type = "", ip = "", name = "", dnsDomain = "", ...rest] = input.id.split("~");
  if (name === "" || dnsDomain === "" || rest.length > 0) {
    const message = `"${input.id}" is not a node id; it is type~IP~name.namespace~namespace.svc.domain`;
    return { value: undefined, problems: [failure("invalid-node-id", "id", message)] };
  }
  if (type !== "sidecar" && type !== "router") {
    const message = `"${type}" is not a type of node; allowed are sidecar and router`;
    return { value: undefined, problems: [failure("unknown-node-type", "id", message)] };
  }
  const metadata = input.metadata ?? {};
  const read = metadataReader(metadata, problems);
  const addresses = addressesOf(read.text("INSTANCE_IPS"), ip);
  if (addresses.length === 0) {
    const message = `"${ip}" is not an IP address, and the metadata has none in INSTANCE_IPS`;
    return { value: undefined, problems: [...problems, failure("no-node-address", "id", message)] };
  }
  const dot = name.lastIndexOf(".");
  const namespace =
    read.text("NAMESPACE") || (dot < 0 ? (dnsDomain.split(".")[0] ?? "") : name.slice(dot + 1));
  const mode = read.text("INTERCEPTION_MODE");
  const httpProxyPort = read.port("HTTP_PROXY_PORT");
  const istioVersion = read.text("ISTIO_VERSION");
  const labels = read.strings("LABELS");
  return {
    problems,
    value: {
      id: input.id,
      type,
      ipAddresses: addresses,
      name,
      podName: dot < 0 ? name : name.slice(0, dot),
      namespace,
      dnsDomain,
      labels,
      serviceAccount: read.text("SERVICE_ACCOUNT"),
      clusterId: read.text("CLUSTER_ID") || "Kubernetes",
      meshId: read.text("MESH_ID"),
      network: read.text("NETWORK"),
      capturesDns: read.text("DNS_CAPTURE") === "true",
      interceptionMode: mode === "TPROXY" || mode === "NONE" ? mode : "REDIRECT",
      workloadName: read.text("WORKLOAD_NAME"),
      ...(istioVersion === "" ? {} : { istioVersion }),
      ...(input.verifiedNamespace === undefined ? {} : { verifiedNamespace: input.verifiedNamespace }),
      ...(input.extensions ? { extensions: input.extensions } : {}),
      ...(httpProxyPort === undefined ? {} : { httpProxyPort }),
      metadata,
      locality: {
        region: input.locality?.region ?? "",
        zone: input.locality?.zone ?? "",
        subzone: input.locality?.subzone ?? "",
      },
    },
  };
}

function addressesOf(instanceIps: string, ip: string): readonly string[] {
  const listed = instanceIps.split(",").map((part) => part.trim());
  return [...new Set([...listed, ip])].filter((part) => isIP(part) !== 0);
}

function metadataReader(metadata: Metadata, problems: Problem[]) {
  const odd = (key: string, allowed: string) => {
    const path = `metadata.${key}`;
    const message = `${JSON.stringify(metadata[key])} is not allowed; it must be ${allowed}`;
    problems.push({ severity: "warning", code: "invalid-node-metadata", path, message });
  };
  return {
    text: (key: string): string => {
      const value = metadata[key];
      if (value === undefined || value === null) return "";
      if (typeof value === "string") return value;
      if (typeof value === "number" || typeof value === "boolean") return String(value);
      odd(key, "a string");
      return "";
    },
    port: (key: string): number | undefined => {
      const value = metadata[key];
      if (value === undefined || value === null || value === "") return undefined;
      const port = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
      if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
      odd(key, "a port, 1 to 65535");
      return undefined;
    },
    strings: (key: string): Readonly<Record<string, string>> => {
      const value = metadata[key];
      if (value === undefined || value === null) return {};
      if (typeof value !== "object" || Array.isArray(value)) {
        odd(key, "a map of strings");
        return {};
      }
      return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
    },
  };
}

function failure(code: string, path: string, message: string): Problem {
  return { severity: "error", code, path, message };
}
