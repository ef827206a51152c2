import type { Problem } from "@weft/base";
import type { Backend, NetworkFilter, ProxyIr, RouteTable, VirtualHost } from "../ir/index.ts";
import { parseBackendName } from "../names.ts";

/** Backends that a virtual host sends to. */
function backendsOf(host: VirtualHost): readonly string[] {
  return host.routes.flatMap(({ action }) =>
    action.kind === "forward"
      ? [
          ...action.destinations.map(({ backend }) => backend),
          ...action.mirrors.map(({ backend }) => backend),
        ]
      : [],
  );
}

function filtersOf({ listeners }: ProxyIr): readonly NetworkFilter[] {
  return listeners.flatMap(({ chains, defaultChain }) =>
    [...chains, ...(defaultChain ? [defaultChain] : [])].map(({ filter }) => filter),
  );
}

/** Why a backend is not there, as far as the others tell. */
function missing(name: string, backends: ReadonlyMap<string, Backend>): string {
  const parts = parseBackendName(name);
  const others = [...backends.values()].filter(({ services }) =>
    services.some(({ host }) => host === parts?.host),
  );
  if (parts === undefined || others.length === 0) return `there is no service for ${parts?.host ?? name}`;
  const ports = new Set(others.map((other) => parseBackendName(other.name)?.port));
  if (!ports.has(parts.port))
    return `${parts.host} has no port ${parts.port}; it has ${[...ports].filter((port) => port !== undefined).join(", ")}`;
  return `no DestinationRule defines the subset ${parts.subset} of ${parts.host}`;
}

/**
 * A VirtualService for a service without port 80 still has a place in the table of port 80, as if its hosts were not
 * services at all; nobody asks there for what does not exist.
 */
function asksNobody(table: RouteTable, host: VirtualHost, backends: ReadonlyMap<string, Backend>): boolean {
  if (table.name !== "80" || host.origin.some(({ kind }) => kind === "Service")) return false;
  const name = host.name.slice(0, host.name.lastIndexOf(":"));
  return [...backends.values()].some(({ services }) => services.some((service) => service.host === name));
}

/**
 * What does not hold together: routes to backends that are not there (requests get 503), and a listener, route table
 * or backend of which there are two (the first is sent).
 */
export function checkIr(ir: ProxyIr): readonly Problem[] {
  const problems: Problem[] = [];
  const backends = new Map(ir.backends.map((backend) => [backend.name, backend]));
  const tables = new Set(ir.routes.map(({ name }) => name));
  const report = (problem: Omit<Problem, "severity" | "path">) =>
    problems.push({ severity: "warning", path: "", ...problem });

  for (const table of ir.routes)
    for (const host of table.virtualHosts)
      for (const name of new Set(backendsOf(host)))
        if (!backends.has(name) && !asksNobody(table, host, backends)) {
          const object = host.origin[0];
          const message = `route of ${host.name} to ${name}: ${missing(name, backends)}; requests get 503`;
          report({ code: "unknown-destination", message, ...(object ? { object } : {}) });
        }
  for (const filter of filtersOf(ir)) {
    if (filter.kind === "tcp") {
      for (const { backend } of filter.destinations)
        if (!backends.has(backend))
          report({ code: "unknown-destination", message: `${backend}: ${missing(backend, backends)}` });
    } else if (filter.routes.kind === "rds" && !tables.has(filter.routes.name)) {
      report({
        code: "unknown-route-table",
        message: `a listener names the route table ${filter.routes.name}, which is not there`,
      });
    }
  }
  for (const [kind, names] of Object.entries({
    listener: ir.listeners.map(({ name }) => name),
    "route table": ir.routes.map(({ name }) => name),
    cluster: ir.backends.map(({ name }) => name),
  })) {
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name))
        report({
          code: "duplicate-resource",
          message: `there are two of ${kind} ${name}; the first is sent`,
        });
      seen.add(name);
    }
  }
  return problems;
}
