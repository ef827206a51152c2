import type { Problem } from "@weft/base";

/** A probe or hook of the application over HTTP. */
export interface HttpProbe {
  readonly kind: "http";
  readonly path: string;
  readonly port: number;
  readonly tls: boolean;
  /** Header `Host`; the address that is asked unless told. */
  readonly host: string | undefined;
  /** In lower case, each with all of its values. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly timeoutMs: number;
}

/** A probe that a connection is enough for. */
export interface TcpProbe {
  readonly kind: "tcp";
  readonly port: number;
  readonly timeoutMs: number;
}

/** A probe by gRPC's health checking protocol. */
export interface GrpcProbe {
  readonly kind: "grpc";
  readonly port: number;
  /** Empty for the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
}

/** A probe or hook of the application, as the injector tells the agent of it. */
export type AppProbe = HttpProbe | TcpProbe | GrpcProbe;

/** Probes by the path that the kubelet asks them at: `/app-health/web/readyz`. */
export type AppProbes = ReadonlyMap<string, AppProbe>;

const variable = "ISTIO_KUBE_APP_PROBERS";
const pathPattern =
  /^\/app-(health\/[^/]+\/(livez|readyz|startupz)|lifecycle\/[^/]+\/(prestopz|poststartz))$/;
/** Kubernetes' own default of `timeoutSeconds`. */
const probeTimeoutMs = 1_000;
/** Hooks have no timeout; they have what a pod is given to end. */
const hookTimeoutMs = 30_000;

type Raw = Readonly<Record<string, unknown>>;

/**
 * Reads `ISTIO_KUBE_APP_PROBERS`, which the injector fills with the probes and hooks that it has redirected to the agent. Each must be one
 * of httpGet, tcpSocket and grpc, with a port that is a number. With a problem the application could not become ready: it is no
 * configuration to start with.
 */
export function parseAppProbes(text: string | undefined): {
  readonly value: AppProbes;
  readonly problems: Problem[];
} {
  const value = new Map<string, AppProbe>();
  const problems: Problem[] = [];
  const complain = (path: string, message: string) =>
    problems.push({ severity: "error", code: "bad-environment", path, message });
  if (!text) return { value, problems };
  const given = parseJson(text);
  if (!isObject(given)) {
    complain(variable, `is not a JSON object: ${JSON.stringify(text.slice(0, 80))}`);
    return { value, problems };
  }
  for (const [path, raw] of Object.entries(given)) {
    const at = `${variable}[${path}]`;
    if (!pathPattern.test(path)) {
      complain(
        at,
        "is no path of a probe; allowed are /app-health/CONTAINER/{livez,readyz,startupz} and /app-lifecycle/CONTAINER/{prestopz,poststartz}",
      );
      continue;
    }
    const probe = readProbe(raw, path.startsWith("/app-health/") ? probeTimeoutMs : hookTimeoutMs);
    if (typeof probe === "string") complain(at, probe);
    else value.set(path, probe);
  }
  return { value, problems };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no object either
  }
}

function isObject(value: unknown): value is Raw {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The probe, or what is wrong with it. */
function readProbe(raw: unknown, fallbackMs: number): AppProbe | string {
  if (!isObject(raw)) return "is no object";
  const kinds = ["httpGet", "tcpSocket", "grpc"].filter((kind) => isObject(raw[kind]));
  const [kind = ""] = kinds;
  if (kinds.length !== 1)
    return `must have one of httpGet, tcpSocket and grpc, has ${kinds.join(", ") || "none"}`;
  const action = raw[kind] as Raw; // an object, as filtered above
  const { port } = action;
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65535)
    return `${kind}.port must be a number from 1 to 65535, is ${JSON.stringify(port)}`;
  const seconds = raw.timeoutSeconds ?? 0;
  if (typeof seconds !== "number" || seconds < 0)
    return `timeoutSeconds must be a number of seconds, is ${JSON.stringify(seconds)}`;
  const timeoutMs = seconds === 0 ? fallbackMs : seconds * 1000;
  if (kind === "tcpSocket") return { kind: "tcp", port, timeoutMs };
  if (kind === "grpc") return { kind: "grpc", port, service: String(action.service ?? ""), timeoutMs };
  return readHttp(action, port, timeoutMs);
}

function readHttp(action: Raw, port: number, timeoutMs: number): HttpProbe | string {
  const { path = "/", scheme = "HTTP", httpHeaders = [] } = action;
  if (scheme !== "HTTP" && scheme !== "HTTPS")
    return `httpGet.scheme must be HTTP or HTTPS, is ${JSON.stringify(scheme)}`;
  if (!Array.isArray(httpHeaders)) return "httpGet.httpHeaders is no list";
  let host: string | undefined;
  const headers: Record<string, readonly string[]> = {};
  for (const header of httpHeaders as readonly unknown[]) {
    const { name, value = "" } = isObject(header) ? header : {};
    if (
      typeof name !== "string" ||
      !/^:?[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/.test(name) ||
      typeof value !== "string"
    )
      return `httpGet.httpHeaders has ${JSON.stringify(header)}, which is no header`;
    const lower = name.toLowerCase();
    if (lower === "host" || lower === ":authority") host = value;
    else headers[lower] = [...(headers[lower] ?? []), value];
  }
  const text = String(path);
  return {
    kind: "http",
    path: text.startsWith("/") ? text : `/${text}`,
    port,
    tls: scheme === "HTTPS",
    host,
    headers,
    timeoutMs,
  };
}
