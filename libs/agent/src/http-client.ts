import { nodeHttp } from "@weft/base";

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly contentType?: string | undefined;
}

/** Settings of {@link httpCall}. */
export interface HttpCallOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** GET unless told. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole call, milliseconds. */
  readonly timeoutMs: number;
  /** Largest body, bytes. */
  readonly maxBytes: number;
}

/** The other side of a small HTTP call could not be reached, took too long, or sent too much. */
export class HttpCallError extends Error {
  readonly code = "http-call-failed";
}

/**
 * Makes one HTTP call to a neighbour (the proxy's admin API, the application's metrics). On node:http instead of fetch, which would
 * cost each agent another 10 MB. Throws an {@link HttpCallError}.
 */
export function httpCall(options: HttpCallOptions): Promise<HttpAnswer> {
  const { host, port, path, method = "GET", headers = {}, timeoutMs, maxBytes } = options;
  const what = `${method} http://${host}:${port}${path}`;
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown) =>
      reject(new HttpCallError(`${what}: ${message}`, cause === undefined ? {} : { cause }));
    const signal = AbortSignal.timeout(timeoutMs);
    const call = nodeHttp().request(
      { host, port, path, method, headers, signal, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > maxBytes) {
            fail(`answer larger than ${maxBytes} bytes`);
            call.destroy();
          }
        });
        response.on("end", () => {
          const contentType = response.headers["content-type"];
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), contentType });
        });
        response.on("error", (error) => fail(error.message, error));
      },
    );
    call.on("error", (error) => fail(signal.aborted ? `no answer in ${timeoutMs} ms` : error.message, error));
    call.end();
  });
}
