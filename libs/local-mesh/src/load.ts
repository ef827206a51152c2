import { createHttpClient, type HttpClient } from "./http-client.ts";

/** A request that load is made of. */
export interface LoadRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How one request of a load went. */
export interface LoadResult {
  /** 0 where no answer came. */
  readonly status: number;
  readonly body: string;
  /** Monotonic milliseconds at which the answer was there. */
  readonly at: number;
  readonly error?: Error;
}

/** Sends requests from `concurrency` clients, each one after the other, until `next` gives none. */
export async function runLoad(options: {
  readonly concurrency: number;
  readonly next: () => LoadRequest | undefined;
  readonly onResult: (result: LoadResult) => void;
}): Promise<void> {
  const client = createHttpClient(options.concurrency);
  const worker = async () => {
    for (let next = options.next(); next !== undefined; next = options.next()) {
      options.onResult(await send(client, next));
    }
  };
  try {
    await Promise.all(Array.from({ length: options.concurrency }, worker));
  } finally {
    client.close();
  }
}

/** Sends `count` times the same request; the results in the order of their ends. */
export async function repeatRequest(
  request: LoadRequest,
  count: number,
  concurrency: number,
): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  let left = count;
  await runLoad({
    concurrency,
    next: () => (left-- > 0 ? request : undefined),
    onResult: (result) => results.push(result),
  });
  return results;
}

/** Load that goes on beside something else. */
export interface BackgroundLoad {
  readonly results: readonly LoadResult[];
  /** Ends it, after the requests under way; resolves with all results. */
  stop(): Promise<readonly LoadResult[]>;
}

/** Most results that a background load keeps; it ends by itself there. */
const maxResults = 100_000;

/** Starts load that goes on until it is stopped. */
export function startLoad(request: LoadRequest, concurrency: number): BackgroundLoad {
  const results: LoadResult[] = [];
  let stopped = false;
  const done = runLoad({
    concurrency,
    next: () => (stopped || results.length >= maxResults ? undefined : request),
    onResult: (result) => results.push(result),
  });
  return {
    results,
    stop: async () => {
      stopped = true;
      await done;
      return results;
    },
  };
}

async function send(client: HttpClient, { url, headers }: LoadRequest): Promise<LoadResult> {
  try {
    const { status, body } = await client.get(url, headers);
    return { status, body, at: performance.now() };
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    return { status: 0, body: "", at: performance.now(), error };
  }
}
