/**
 * Is told of errors that are the proxy's own: something threw that should not. Whoever caught it ends the one request
 * or connection that it happened to; all others go on.
 */
export type OnFault = (error: unknown) => void;

/** Different errors that are remembered as told. */
const maxRemembered = 256;

/** Passes each different error on once, so that one that comes with every request does not fill the log. */
export function oncePerError(report: (error: unknown) => void): OnFault {
  const told = new Set<string>();
  return (error) => {
    // The place it was thrown at says more than its message, which may hold a request's own data.
    const key = (error instanceof Error ? error.stack?.split("\n")[1] : undefined) ?? String(error);
    if (told.has(key) || told.size >= maxRemembered) return;
    told.add(key);
    report(error);
  };
}
