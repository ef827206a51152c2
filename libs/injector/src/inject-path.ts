/** Short names in the webhook's path, and the variables that they stand for. */
const variables: Readonly<Record<string, string>> = {
  cluster: "ISTIO_META_CLUSTER_ID",
  net: "ISTIO_META_NETWORK",
};

const envMark = ":ENV:";

/**
 * Variables for the proxies that a webhook's path names: `/inject/cluster/east/net/n1`, where `--slash--` stands for a
 * slash in a value, or `/inject/:ENV:NAME=value:ENV:OTHER=value`. Other names are variables in capitals; a name without
 * a value is left out.
 */
export function parseInjectPath(path: string): Readonly<Record<string, string>> {
  const rest = /^\/[^/]*\/(.*?)\/?$/s.exec(path)?.[1] ?? "";
  if (rest === "") return {};
  const pairs = rest.startsWith(envMark) ? assignments(rest) : namesAndValues(rest.split("/"));
  return Object.fromEntries(
    pairs.map(([name, value]) => [variables[name] ?? name.toUpperCase(), value] as const),
  );
}

function assignments(text: string): readonly (readonly [string, string])[] {
  return text
    .split(envMark)
    .map((pair) => [pair, pair.indexOf("=")] as const)
    .filter(([, at]) => at > 0)
    .map(([pair, at]) => [pair.slice(0, at), pair.slice(at + 1)] as const);
}

function namesAndValues(parts: readonly string[]): readonly (readonly [string, string])[] {
  return parts.flatMap((name, index) => {
    const value = parts[index + 1];
    if (index % 2 === 1 || value === undefined || name === "") return [];
    return [[name, value.replaceAll("--slash--", "/")] as const];
  });
}
