import { Agent, request } from "node:http";

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly durationMs: number;
}

/** A client that keeps its connections; `close` ends them. */
export interface HttpClient {
  /** Rejects where no whole answer came in time. */
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): void;
}

const maxBodyBytes = 4 * 1024 * 1024;

/** Creates a client with at most `connections` connections to each host, and ten seconds for each answer. */
export function createHttpClient(connections: number, timeoutMs = 10_000): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    get: (url, headers = {}) =>
      new Promise((resolve, reject) => {
        const started = performance.now();
        const outgoing = request(
          url,
          { agent, headers, signal: AbortSignal.timeout(timeoutMs) },
          (response) => {
            let body = "";
            response.setEncoding("utf8");
            response.on("data", (part: string) => {
              body += part;
              if (body.length > maxBodyBytes)
                response.destroy(new Error(`${url} answered more than ${maxBodyBytes} bytes`));
            });
            response.on("error", reject);
            response.on("end", () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body,
                durationMs: performance.now() - started,
              }),
            );
          },
        );
        outgoing.on("error", reject);
        outgoing.end();
      }),
    close: () => agent.destroy(),
  };
}
