import { connect } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import { nodeHttp, type Problem } from "@weft/base";

/** A probe of the application, as the injector tells the agent of it; its port is a number there. */
export interface AppProbe {
  readonly httpGet?: {
    readonly path: string;
    readonly port: number;
    readonly scheme: "HTTP" | "HTTPS";
    readonly host: string | undefined;
    readonly headers: readonly (readonly [name: string, value: string])[];
  };
  readonly tcpPort?: number;
  readonly grpc?: { readonly port: number; readonly service: string };
  readonly timeoutMs: number;
}

/** Probes by the path that the kubelet asks them at: `/app-health/web/readyz`. */
export type AppProbes = ReadonlyMap<string, AppProbe>;

/** Where probes go, and from which address. */
export interface ProbeTarget {
  /** The pod's own address; the loopback where Istio's REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION asks for it. */
  readonly host: string;
  /** Connections from here are not redirected to the proxy; undefined where nothing is redirected. */
  readonly localAddress: string | undefined;
}

/** The address of Istio's inbound passthrough: iptables leaves what comes from it alone. */
export const passthroughAddress = "127.0.0.6";

const pathPattern = /^\/app-(health|lifecycle)\/[^/]+\/(livez|readyz|startupz|prestopz|poststartz)$/;

/** Reads `ISTIO_KUBE_APP_PROBERS`, which the injector fills with the probes it has redirected to the agent. */
export function parseAppProbes(text: string | undefined): {
  readonly value: AppProbes;
  readonly problems: Problem[];
} {
  const value = new Map<string, AppProbe>();
  const problems: Problem[] = [];
  const bad = (path: string, message: string) =>
    problems.push({ severity: "error", code: "bad-environment", path, message });
  if (!text) return { value, problems };
  const name = "ISTIO_KUBE_APP_PROBERS";
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    bad(name, `is not JSON: ${JSON.stringify(text.slice(0, 80))}`);
    return { value, problems };
  }
  for (const [path, raw] of Object.entries((given ?? {}) as Readonly<Record<string, RawProbe>>)) {
    const probe = pathPattern.test(path) ? readProbe(raw) : undefined;
    if (probe !== undefined) value.set(path, probe);
    else bad(`${name}[${path}]`, "is no probe by httpGet, tcpSocket or grpc with the number of a port");
  }
  return { value, problems };
}

interface RawProbe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port?: unknown;
    readonly scheme?: string;
    readonly host?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly tcpSocket?: { readonly port?: unknown };
  readonly grpc?: { readonly port?: unknown; readonly service?: string | null };
  readonly timeoutSeconds?: number;
}

function readProbe(raw: RawProbe | null): AppProbe | undefined {
  const { httpGet, tcpSocket, grpc, timeoutSeconds = 1 } = raw ?? {};
  const port = Number((httpGet ?? tcpSocket ?? grpc)?.port);
  if (!Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  const timeoutMs = Math.max(1, timeoutSeconds) * 1000;
  if (tcpSocket) return { tcpPort: port, timeoutMs };
  if (grpc) {
    const service = grpc.service ?? "";
    return Buffer.byteLength(service) > maxServiceBytes ? undefined : { grpc: { port, service }, timeoutMs };
  }
  if (!httpGet) return undefined;
  const path = httpGet.path ?? "/";
  const headers = (httpGet.httpHeaders ?? []).map((header) => [header.name, header.value] as const);
  return {
    httpGet: {
      path: path.startsWith("/") ? path : `/${path}`,
      port,
      scheme: httpGet.scheme === "HTTPS" ? "HTTPS" : "HTTP",
      host: headers.find(([name]) => name.toLowerCase() === "host")?.[1],
      headers: headers.filter(([name]) => name.toLowerCase() !== "host"),
    },
    timeoutMs,
  };
}

/** What a probe came to: an HTTP status for the kubelet, and the reason where it failed. */
export interface ProbeResult {
  readonly status: number;
  readonly reason?: string;
}

/**
 * Asks the application what the kubelet asks for, with the kubelet's own headers where it is HTTP. The application's status is handed
 * on; a redirect counts as success, as it does for the kubelet where it leads elsewhere.
 */
export function askApplication(
  probe: AppProbe,
  target: ProbeTarget,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Promise<ProbeResult> {
  if (probe.tcpPort !== undefined) return askTcp(probe.tcpPort, target, probe.timeoutMs);
  if (probe.grpc !== undefined) return askGrpc(probe.grpc, target, probe.timeoutMs);
  return askHttp(probe, target, headers);
}

/** Headers of the kubelet's request to the agent that say nothing to the application. */
const hopHeaders = new Set(["host", "connection", "content-length", "transfer-encoding", "keep-alive"]);

async function askHttp(
  { httpGet, timeoutMs }: AppProbe,
  { host, localAddress }: ProbeTarget,
  kubelet: Readonly<Record<string, string | string[] | undefined>>,
): Promise<ProbeResult> {
  if (httpGet === undefined) return { status: 500, reason: "no probe" };
  const { path, port, scheme, headers } = httpGet;
  const passed = Object.entries(kubelet).filter(
    ([name, value]) => value !== undefined && !hopHeaders.has(name),
  );
  const options = {
    host,
    port,
    path,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...Object.fromEntries(passed),
      ...Object.fromEntries(headers),
      ...(httpGet.host === undefined ? {} : { host: httpGet.host }),
      connection: "close",
    },
    ...(localAddress === undefined ? {} : { localAddress }),
  } as const;
  // The kubelet does not verify the application's certificate either.
  const { request } = scheme === "HTTPS" ? await import("node:https") : nodeHttp();
  return new Promise((resolve) => {
    const fail = (error: Error) =>
      resolve({
        status: 500,
        reason: options.signal.aborted ? `no answer in ${timeoutMs} ms` : error.message,
      });
    const call = request({ ...options, rejectUnauthorized: false } as object, (answer) => {
      const { statusCode: status = 500 } = answer;
      answer.resume();
      answer.on("error", fail);
      resolve({ status: status >= 300 && status < 400 ? 200 : status });
    });
    call.on("error", fail);
    call.end();
  });
}

function askTcp(port: number, { host, localAddress }: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
    const done = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => done({ status: 500, reason: `no connection in ${timeoutMs} ms` }));
    socket.on("connect", () => done({ status: 200 }));
    socket.on("error", (error) => done({ status: 500, reason: error.message }));
  });
}

/** A longer name would need a length of more than one byte in the message. */
const maxServiceBytes = 127;
const healthCheck = "/grpc.health.v1.Health/Check";
const serving = 1;

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md; two messages of one field each are not worth generated types. */
async function askGrpc(
  { port, service }: { readonly port: number; readonly service: string },
  { host, localAddress }: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  // grpc-js cannot bind a source address: where traffic is redirected, the loopback is not.
  const client = new Client(
    localAddress === undefined ? address : `127.0.0.1:${port}`,
    credentials.createInsecure(),
  );
  try {
    return await new Promise((resolve) => {
      const name = Buffer.from(service);
      const message = service === "" ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0a, name.length), name]);
      client.makeUnaryRequest(
        healthCheck,
        (bytes: Buffer) => bytes,
        (bytes) => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0),
        message,
        { deadline: Date.now() + timeoutMs },
        (error, status) => {
          if (error) resolve({ status: 500, reason: error.message });
          else if (status === serving) resolve({ status: 200 });
          else resolve({ status: 500, reason: `health status ${status}` });
        },
      );
    });
  } finally {
    client.close();
  }
}
