/** A service of the mesh could not be asked; the message names it and says why. */
export class FetchError extends Error {
  readonly code = "fetch-failed";
}

/** Gets JSON over HTTP from `host:port`, in at most 10 s. Throws a {@link FetchError} that names what was asked. */
export async function fetchJson(what: string, address: string, path: string): Promise<unknown> {
  const url = `http://${address}${path}`;
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FetchError(`${what} does not answer at ${url}: ${reason}`, { cause: error });
  }
  const text = await response.text();
  if (!response.ok)
    throw new FetchError(`${what} answered ${response.status} to ${url}: ${text.slice(0, 200).trim()}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FetchError(`${what} answered no JSON to ${url}`, { cause: error });
  }
}
