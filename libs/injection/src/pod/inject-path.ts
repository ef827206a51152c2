/** Parts of the webhook's path that have names of their own in the proxy's environment. */
const known: Readonly<Record<string, string>> = {
  cluster: "ISTIO_META_CLUSTER_ID",
  net: "ISTIO_META_NETWORK",
};

const start = "/inject/";
const separator = ":ENV:";

/**
 * The environment that a webhook's path asks for, so that one injector serves several clusters:
 * `/inject/cluster/east/net/n1`, with `--slash--` for a slash in a value; or `/inject/:ENV:cluster=east:ENV:net=n1`.
 */
export function readInjectPath(path: string): Readonly<Record<string, string>> {
  const rest = path.startsWith(start) ? path.slice(start.length) : "";
  const pairs = rest.startsWith(separator) ? rest.split(separator).map(assignment) : alternating(rest);
  const found = pairs.filter(([name, value]) => name !== "" && value !== "");
  return Object.fromEntries(found.map(([name, value]) => [known[name] ?? name.toUpperCase(), value]));
}

function assignment(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  return equals < 0 ? ["", ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

function alternating(text: string): readonly (readonly [name: string, value: string])[] {
  const parts = text.split("/").map((part) => part.replaceAll("--slash--", "/"));
  return parts.flatMap((name, i) => (i % 2 === 0 ? [[name, parts[i + 1] ?? ""] as const] : []));
}
