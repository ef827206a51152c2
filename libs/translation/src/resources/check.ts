import { contentHash, type Problem } from "@weft/base";
import type {
  Backend,
  IrPart,
  Listener,
  NetworkFilter,
  ProxyIr,
  RouteTable,
  VirtualHost,
} from "../ir/index.ts";
import type { IdentityMemo } from "../memo.ts";
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

function filtersOf(listeners: readonly Listener[]): readonly NetworkFilter[] {
  return listeners.flatMap(({ chains, defaultChain }) =>
    [...chains, ...(defaultChain ? [defaultChain] : [])].map(({ filter }) => filter),
  );
}

/** What a part has, by name. */
interface PartIndex {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly listeners: ReadonlySet<string>;
  readonly tables: ReadonlySet<string>;
  /** Names that stand twice in the part. */
  readonly twice: readonly string[];
}

function indexOf({ backends, listeners, routes }: IrPart): PartIndex {
  const twice: string[] = [];
  const unique = (kind: string, pieces: readonly { readonly name: string }[]) => {
    const names = new Set<string>();
    for (const { name } of pieces) {
      if (names.has(name)) twice.push(`${kind} ${name}`);
      names.add(name);
    }
    return names;
  };
  unique("cluster", backends);
  return {
    backends: new Map(backends.map((backend) => [backend.name, backend])),
    listeners: unique("listener", listeners),
    tables: unique("route table", routes),
    twice,
  };
}

/** The parts that a part may refer to. */
class Known {
  readonly #parts: readonly PartIndex[];

  constructor(parts: readonly PartIndex[]) {
    this.#parts = parts;
  }

  hasBackend(name: string): boolean {
    return this.#parts.some(({ backends }) => backends.has(name));
  }

  hasTable(name: string): boolean {
    return this.#parts.some(({ tables }) => tables.has(name));
  }

  /** Backends of a service; looks at all of them, which only a mistake is worth. */
  ofHost(host: string): readonly Backend[] {
    const all = this.#parts.flatMap(({ backends }) => [...backends.values()]);
    return all.filter(({ services }) => services.some((service) => service.host === host));
  }
}

/** Why a backend is not there, as far as the others tell. */
function missing(name: string, known: Known): string {
  const parts = parseBackendName(name);
  const others = parts === undefined ? [] : known.ofHost(parts.host);
  if (parts === undefined || others.length === 0) return `there is no service for ${parts?.host ?? name}`;
  const ports = [...new Set(others.map((other) => parseBackendName(other.name)?.port))];
  return ports.includes(parts.port)
    ? `no DestinationRule defines the subset ${parts.subset} of ${parts.host}`
    : `${parts.host} has no port ${parts.port}; it has ${ports.filter((port) => port !== undefined).join(", ")}`;
}

/**
 * A VirtualService for a service without port 80 still has a place in the table of port 80, as if its hosts were not
 * services at all; nobody asks there for what does not exist.
 */
function asksNobody(table: RouteTable, host: VirtualHost, known: Known): boolean {
  if (table.name !== "80" || host.origin.some(({ kind }) => kind === "Service")) return false;
  return known.ofHost(host.name.slice(0, host.name.lastIndexOf(":"))).length > 0;
}

/** What requests get where a backend is not there. */
function statusWithout(name: string, { routes }: VirtualHost): number {
  const route = routes.find(
    ({ action }) => action.kind === "forward" && action.destinations.some(({ backend }) => backend === name),
  );
  return (route?.action.kind === "forward" && route.action.missingBackendStatus) || 503;
}

type Report = (problem: Omit<Problem, "severity" | "path">) => void;

function checkTable(table: RouteTable, known: Known, report: Report): void {
  for (const host of table.virtualHosts)
    for (const name of new Set(backendsOf(host)))
      if (!known.hasBackend(name) && !asksNobody(table, host, known)) {
        const object = host.origin[0];
        const message = `route of ${host.name} to ${name}: ${missing(name, known)}; requests get ${statusWithout(name, host)}`;
        report({ code: "unknown-destination", message, ...(object ? { object } : {}) });
      }
}

function checkFilter(filter: NetworkFilter, known: Known, report: Report): void {
  if (filter.kind === "tcp") {
    for (const { backend } of filter.destinations)
      if (!known.hasBackend(backend))
        report({ code: "unknown-destination", message: `${backend}: ${missing(backend, known)}` });
  } else if (filter.routes.kind === "rds" && !known.hasTable(filter.routes.name)) {
    const message = `a listener names the route table ${filter.routes.name}, which is not there`;
    report({ code: "unknown-route-table", message });
  }
}

function checkPart(part: IrPart, index: PartIndex, others: readonly PartIndex[]): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (problem) => problems.push({ severity: "warning", path: "", ...problem });
  const known = new Known([index, ...others]);
  for (const table of part.routes) checkTable(table, known, report);
  for (const filter of filtersOf(part.listeners)) checkFilter(filter, known, report);
  const elsewhere = others.flatMap((other) => [
    ...[...index.backends.keys()].filter((name) => other.backends.has(name)).map((name) => `cluster ${name}`),
    ...[...index.listeners].filter((name) => other.listeners.has(name)).map((name) => `listener ${name}`),
    ...[...index.tables].filter((name) => other.tables.has(name)).map((name) => `route table ${name}`),
  ]);
  for (const what of [...index.twice, ...elsewhere])
    report({ code: "duplicate-resource", message: `there are two of ${what}; the first is sent` });
  return problems;
}

function namesOf(backends: readonly Backend[]): string {
  return contentHash(backends.map(({ name }) => name).join());
}

/** The backends that every proxy of a kind has, whatever the mesh. */
function fixedPart(own: IrPart): IrPart {
  const backends = own.backends.filter(({ services }) => services.length === 0);
  return { backends, loadAssignments: [], listeners: [], routes: [] };
}

/**
 * What does not hold together: routes to backends that are not there (requests get 503), and a listener, route table
 * or backend of which there are two (the first is sent). The first part, a proxy's own, may refer to all others, and
 * these to themselves and to the fixed backends; so they need to be checked once for all proxies that share them.
 */
export function checkIr({ parts }: ProxyIr, memo: IdentityMemo): readonly Problem[] {
  const [own, ...shared] = parts;
  if (own === undefined) return [];
  const fixed = fixedPart(own);
  const fixedNames = fixed.backends.map(({ name }) => name).join();
  // Of backends, only what they are called counts here: their endpoints come and go.
  const indexed = shared.map((part) => {
    const names = namesOf(part.backends);
    const keep = <T>(what: string, make: () => T) =>
      memo.get([part.listeners, part.routes], `${what}|${names}`, make);
    return { part, keep, index: keep("index", () => indexOf(part)) };
  });
  return [
    ...indexed.flatMap(({ part, keep, index }) =>
      // The fixed ones are another's: that they stand in both is no mistake of this part.
      keep(`check|${fixedNames}`, () => checkPart(part, index, [indexOf(fixed)])),
    ),
    ...checkPart(
      own,
      indexOf(own),
      indexed.map(({ index }) => index),
    ),
  ];
}
