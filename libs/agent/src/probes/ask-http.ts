import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { nodeHttp } from "@weft/base";
import type { HttpProbe } from "./parse.ts";
import type { ProbeResult, ProbeTarget } from "./target.ts";

/** Headers of a request of the kubelet. */
export type KubeletHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Headers of the kubelet's request to the agent that say nothing to the application. */
const hopHeaders = new Set(["host", "connection", "content-length", "transfer-encoding", "keep-alive"]);
/** As many as the kubelet follows. */
const maxRedirects = 10;

/**
 * Asks as the kubelet does: with its headers, unless the probe has others of the name; without verifying a certificate; following a
 * redirect to the same host, while one that leads elsewhere is a success. The application's status is handed on.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
 */
export function askHttp(target: ProbeTarget): {
  readonly ask: (probe: HttpProbe, headers: KubeletHeaders) => Promise<ProbeResult>;
  readonly close: () => void;
} {
  const agents = new Map<string, Agent>();
  /** Kept connections, where they are wanted: one for each protocol and port. */
  const agentOf = (tls: boolean, modules: typeof import("node:https") | typeof import("node:http")) => {
    if (!target.keepAlive) return false;
    const name = tls ? "https" : "http";
    const known =
      agents.get(name) ?? new modules.Agent({ keepAlive: true, maxFreeSockets: 8, maxTotalSockets: 64 });
    agents.set(name, known);
    return known;
  };

  const askOnce = async (url: URL, probe: HttpProbe, kubelet: KubeletHeaders, signal: AbortSignal) => {
    const tls = url.protocol === "https:";
    const modules = tls ? await import("node:https") : nodeHttp();
    const { hostname, port, pathname, search } = url;
    const options: RequestOptions & { rejectUnauthorized?: boolean } = {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? (tls ? 443 : 80) : Number(port),
      path: pathname + search,
      headers: headersOf(probe, kubelet),
      agent: agentOf(tls, modules),
      signal,
      ...(target.localAddress === undefined ? {} : { localAddress: target.localAddress }),
      ...(tls ? { rejectUnauthorized: false } : {}),
    };
    return await new Promise<IncomingMessage>((resolve, reject) => {
      const call = modules.request(options, resolve);
      call.on("error", reject);
      call.end();
    });
  };

  const ask = async (probe: HttpProbe, kubelet: KubeletHeaders): Promise<ProbeResult> => {
    const signal = AbortSignal.timeout(probe.timeoutMs);
    const host = target.host.includes(":") ? `[${target.host}]` : target.host;
    let url = new URL(`${probe.tls ? "https" : "http"}://${host}:${probe.port}${probe.path}`);
    try {
      for (let redirects = 0; redirects <= maxRedirects; redirects++) {
        const answer = await askOnce(url, probe, kubelet, signal);
        answer.on("error", () => {}); // the status is known; the rest of the body is of no interest
        answer.resume();
        const { statusCode: status = 500 } = answer;
        if (status < 300 || status > 399) return { status };
        const next = URL.parse(answer.headers.location ?? "", url);
        // The kubelet's warning is all that comes of it; without a location, or elsewhere, there is nobody to ask.
        if (next === null || answer.headers.location === undefined || next.hostname !== url.hostname)
          return { status: 200 };
        if (next.protocol !== "http:" && next.protocol !== "https:") return { status: 200 };
        url = next;
      }
      return { status: 500, reason: `stopped after ${maxRedirects} redirects` };
    } catch (error) {
      const { message } = error as Error; // of a request
      return { status: 500, reason: signal.aborted ? `no answer in ${probe.timeoutMs} ms` : message };
    }
  };
  return {
    ask,
    close: () => {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function headersOf({ headers, host }: HttpProbe, kubelet: KubeletHeaders): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(kubelet)) {
    if (value !== undefined && !hopHeaders.has(name)) passed[name] = value;
  }
  for (const [name, values] of Object.entries(headers)) passed[name] = [...values];
  if (host !== undefined) passed.host = host;
  return passed;
}
