import { get, type IncomingHttpHeaders } from "node:http";

/**
 * Headers a service hands on from the request it answers to the requests it makes for it: the trace context of every
 * common tracer, and what says who is asking. A proxy cannot do that for the service: only the service knows which of
 * its calls belongs to which request.
 */
export const forwardedHeaders: readonly string[] = [
  "x-request-id",
  "x-ot-span-context",
  "x-datadog-trace-id",
  "x-datadog-parent-id",
  "x-datadog-sampling-priority",
  "traceparent",
  "tracestate",
  "x-cloud-trace-context",
  "grpc-trace-bin",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "sw8",
  "end-user",
  "user-agent",
  "cookie",
  "authorization",
  "jwt",
];

/** The {@link forwardedHeaders} that `headers` has. */
export function pickForwarded(headers: IncomingHttpHeaders): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of forwardedHeaders) {
    const value = headers[name];
    if (value !== undefined) picked[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return picked;
}

/** Base URL of another service: `http://<name>:9080`, or what NAME_HOSTNAME, NAME_SERVICE_PORT, SERVICES_DOMAIN say. */
export function serviceUrl(name: string, env: NodeJS.ProcessEnv): string {
  const prefix = name.toUpperCase();
  const domain = env.SERVICES_DOMAIN ? `.${env.SERVICES_DOMAIN}` : "";
  const host = env[`${prefix}_HOSTNAME`] ?? name;
  // In a pod, Kubernetes may set <NAME>_SERVICE_PORT itself; it is a number there as well.
  const port = Number(env[`${prefix}_SERVICE_PORT`] ?? 9080);
  return `http://${host}${domain}:${port}`;
}

/** An answer of another service; status 0 stands for none at all. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

const maxAnswerBytes = 1024 * 1024;

/** Asks another service for JSON. Never rejects: whatever goes wrong is status 0, or 500 where the body is no JSON. */
export async function getJson(
  url: string,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<JsonAnswer> {
  const signal = AbortSignal.timeout(timeoutMs);
  for (let attempt = 0; ; attempt++) {
    const outcome = await tryGet(url, headers, signal);
    // A kept-alive connection may close just as it is used again; that says nothing about the service.
    if (outcome.reused && outcome.status === 0 && attempt === 0 && !signal.aborted) continue;
    if (outcome.status === 0) return { status: 0, body: undefined };
    try {
      return { status: outcome.status, body: JSON.parse(outcome.text) };
    } catch {
      // Not JSON: an error page of something on the way keeps its status, a success does not count as one.
      return { status: outcome.status < 400 ? 500 : outcome.status, body: undefined };
    }
  }
}

interface RawAnswer {
  readonly status: number;
  readonly text: string;
  readonly reused: boolean;
}

function tryGet(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const request = get(url, { headers, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > maxAnswerBytes) response.destroy(new Error("answer too large"));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, reused: false }));
      response.on("error", () => resolve({ status: 0, text: "", reused: false }));
    });
    request.on("error", () => resolve({ status: 0, text: "", reused: request.reusedSocket }));
  });
}
