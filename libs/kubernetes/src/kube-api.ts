import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { text } from "node:stream/consumers";

/** A path of the API with its query: `/api/v1/pods`, `{ limit: 250 }`. */
export interface ApiRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Something that the server is to change. */
export interface ApiWrite extends ApiRequest {
  /** POST creates, PUT replaces, APPLY is a server-side apply, DELETE removes. */
  readonly method: "POST" | "PUT" | "APPLY" | "DELETE";
  readonly body?: unknown;
  /** Ends the request early. */
  readonly signal?: AbortSignal;
}

/** What is asked of a Kubernetes API server. Errors are {@link KubeApiError}, or the network's own. */
export interface KubeApi {
  /** Its address, for people. */
  readonly server: string;
  /** Reads one answer, up to {@link maxAnswerBytes}. */
  get(request: ApiRequest): Promise<unknown>;
  /** Changes something, and gives what is there afterwards. */
  write(request: ApiWrite): Promise<unknown>;
  /**
   * Reads an answer that goes on, a JSON value a line. Settles when the server ends it, or with an error where a line
   * is no JSON or longer than {@link maxLineBytes}, where nothing comes for `quietMs`, or where `signal` aborts.
   */
  stream(request: ApiRequest, options: StreamOptions): Promise<void>;
}

/** Settings of {@link KubeApi.stream}. */
export interface StreamOptions {
  readonly onLine: (value: unknown) => void;
  readonly signal: AbortSignal;
  readonly quietMs: number;
}

/** The API server refused; `message` is its own. */
export class KubeApiError extends Error {
  override readonly name = "KubeApiError";
  /** HTTP status, or that of a watch's ERROR event. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The kubeconfig, or the service account in a pod, cannot be used; the message says why. */
export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";
}

/** A longer answer is refused; pages are far below it. */
export const maxAnswerBytes = 256 * 1024 * 1024;
/** An object of the API is at most about 1.5 MiB (etcd's limit). */
export const maxLineBytes = 16 * 1024 * 1024;
const connectTimeoutMs = 30_000;

/** Where to find the API server. */
export interface ConnectOptions {
  /** A kubeconfig file; default: the service account of the pod, else `$KUBECONFIG`, else `~/.kube/config`. */
  readonly kubeconfig?: string;
  /** A context of it; default: the current one. */
  readonly context?: string;
}

/**
 * Reads the kubeconfig; nothing is asked of the server yet. Every authentication that `@kubernetes/client-node` knows
 * works: tokens, token files (read again as they rotate), client certificates, exec plugins, OIDC.
 *
 * @throws KubeConfigError
 */
export async function connectKubernetes(options: ConnectOptions = {}): Promise<KubeApi> {
  // Loaded only here: it takes 0.7 s and 80 MB, of no use to who reads files.
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  const where = options.kubeconfig === undefined ? "kubeconfig" : `kubeconfig ${options.kubeconfig}`;
  try {
    if (options.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(options.kubeconfig);
    if (options.context !== undefined) config.setCurrentContext(options.context);
  } catch (cause) {
    throw new KubeConfigError(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const contexts = config.getContexts().map(({ name }) => name);
    throw new KubeConfigError(
      `${where}: the current context "${config.getCurrentContext() ?? ""}" names no cluster; there is ${contexts.join(", ") || "none"}`,
    );
  }
  const server = parseServer(where, cluster.server);
  return createKubeApi(server, async () => {
    const settings: RequestOptions = {};
    await config.applyToHTTPSOptions(settings);
    return settings;
  });
}

/**
 * Asks the server for its version, to find out at the start what no waiting would mend: credentials that it refuses, a
 * certificate that is not of the CA. That the server does not answer is no reason to give up: it may come back.
 *
 * @throws KubeConfigError
 */
export async function checkCredentials(api: KubeApi): Promise<void> {
  try {
    await api.get({ path: "/version" });
  } catch (cause) {
    const { message, code } = cause as { readonly message: string; readonly code?: string };
    const refused = cause instanceof KubeApiError && cause.status === 401;
    if (!refused && !certificateErrors.some((name) => code?.includes(name))) return;
    throw new KubeConfigError(`${api.server} does not go with these credentials: ${message}`, { cause });
  }
}

/** Parts of the codes that Node gives errors of the server's certificate. */
const certificateErrors = ["CERT", "SELF_SIGNED", "UNABLE_TO_VERIFY", "ALTNAME"];

function parseServer(where: string, server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw new KubeConfigError(`${where}: server: "${server}" is no address; it must be https://HOST:PORT`);
}

/** An API server at an address; `authenticate` gives the settings (headers, TLS, agent) of each request. */
export function createKubeApi(server: URL, authenticate: () => Promise<RequestOptions>): KubeApi {
  const open = async (request: ApiRequest | ApiWrite, signal?: AbortSignal): Promise<IncomingMessage> => {
    const settings = await authenticate();
    const url = new URL(server.pathname.replace(/\/$/, "") + request.path, server);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return send(
      url,
      { ...settings, ...(signal ? { signal } : {}) },
      "method" in request ? request : undefined,
    );
  };
  return {
    server: server.href,
    get: async (request) => JSON.parse(await readBounded(await open(request))) as unknown,
    write: async (request) => JSON.parse(await readBounded(await open(request, request.signal))) as unknown,
    stream: async (request, options) => {
      const answer = await open(request, options.signal);
      await readLines(answer, options);
    },
  };
}

/** Resolves with the answer's head where the status is 2xx. */
function send(url: URL, settings: RequestOptions, write?: ApiWrite): Promise<IncomingMessage> {
  const request = url.protocol === "http:" ? httpRequest : httpsRequest;
  const method = write?.method === "APPLY" ? "PATCH" : (write?.method ?? "GET");
  const headers = {
    ...(settings.headers as Record<string, string>),
    accept: "application/json",
    // JSON is YAML, too, which is all that a server-side apply is told in.
    ...(write?.body === undefined
      ? {}
      : { "content-type": write.method === "APPLY" ? "application/apply-patch+yaml" : "application/json" }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...settings, method, headers }, (answer) => {
      sent.setTimeout(0);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve(answer);
      else
        readBounded(answer).then((body) => reject(new KubeApiError(status, messageOf(body, status))), reject);
    });
    sent.setTimeout(connectTimeoutMs, () =>
      sent.destroy(new Error(`no answer within ${connectTimeoutMs / 1000} s`)),
    );
    sent.on("error", reject);
    sent.end(write?.body === undefined ? undefined : JSON.stringify(write.body));
  });
}

/** The message of a Status object, else the start of what was answered. */
function messageOf(body: string, status: number): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // Not a Status; proxies before an API server answer with anything.
  }
  return `status ${status}: ${body.slice(0, 200)}`;
}

async function readBounded(answer: IncomingMessage): Promise<string> {
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) answer.destroy(new Error(`the answer has more than ${maxAnswerBytes} bytes`));
  });
  return text(answer);
}

function readLines(answer: IncomingMessage, { onLine, quietMs }: StreamOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const lines = createLineReader((line) => onLine(JSON.parse(line)));
    const quiet = setTimeout(
      () => answer.destroy(new Error(`nothing came for ${quietMs / 1000} s`)),
      quietMs,
    );
    answer.setEncoding("utf8");
    answer.on("data", (chunk: string) => {
      quiet.refresh();
      try {
        lines(chunk);
      } catch (cause) {
        answer.destroy(cause instanceof Error ? cause : new Error(String(cause)));
      }
    });
    answer.on("error", reject);
    answer.on("close", () => {
      clearTimeout(quiet);
      resolve();
    });
  });
}

/** Puts chunks together to lines. Throws where one is longer than {@link maxLineBytes}. */
function createLineReader(onLine: (line: string) => void): (chunk: string) => void {
  let begun: string[] = [];
  let length = 0;
  return (chunk) => {
    const parts = chunk.split("\n");
    const rest = parts.pop() as string; // Splitting gives at least one part.
    for (const part of parts) {
      const line = begun.length === 0 ? part : begun.join("") + part;
      begun = [];
      length = 0;
      if (line !== "") onLine(line);
    }
    if (rest === "") return;
    begun.push(rest);
    length += rest.length;
    if (length > maxLineBytes) throw new Error(`a line has more than ${maxLineBytes} characters`);
  };
}
