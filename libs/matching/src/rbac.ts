import { assertNever } from "@weft/base";
import { type CidrRange, compileRange, type IpNumber, parseIp } from "./cidr.ts";
import { MatcherError } from "./error.ts";
import { compileHeader, type HeaderMatch } from "./header.ts";
import { compileMetadata, type MetadataMatch } from "./metadata.ts";
import { stripQuery } from "./path.ts";
import { compilePathTemplate } from "./path-template.ts";
import type { RequestView } from "./request-view.ts";
import { compileString, type StringMatch } from "./string.ts";

/** What rules ask of a connection, and of the request on it. */
export interface RbacView {
  /** On a plain connection one without headers, whose path is empty. */
  readonly request: RequestView;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Server name of the TLS client hello; empty where there is none. */
  readonly serverName: string;
  /** The client as headers and the PROXY protocol tell, as far as they are trusted. */
  readonly remoteAddress: string;
  /** The client as the PROXY protocol tells. */
  readonly sourceAddress: string;
  /** The other end of the socket. */
  readonly directRemoteAddress: string;
  /** Names that the client's certificate proves: its URIs, its DNS names, its subject. Undefined without TLS. */
  readonly principals: readonly string[] | undefined;
  /** Dynamic metadata of a filter. */
  metadata(filter: string): unknown;
  /** Metadata of the route; undefined where there is no route. */
  routeMetadata(filter: string): unknown;
}

/** The connections and requests that a policy is about. */
export type Permission =
  | { readonly kind: "and" | "or"; readonly of: readonly Permission[] }
  | { readonly kind: "not"; readonly of: Permission }
  | Shared
  | { readonly kind: "path-template"; readonly template: string }
  | { readonly kind: "destination-ip"; readonly range: CidrRange }
  | { readonly kind: "destination-port"; readonly port: number }
  /** From `start` up to but not including `end`. */
  | { readonly kind: "destination-port-range"; readonly start: number; readonly end: number }
  | { readonly kind: "server-name"; readonly match: StringMatch };

/** The clients that a policy is about. */
export type Principal =
  | { readonly kind: "and" | "or"; readonly of: readonly Principal[] }
  | { readonly kind: "not"; readonly of: Principal }
  | Shared
  /** By certificate: one of its names; without `name` any client over TLS. */
  | { readonly kind: "authenticated"; readonly name?: StringMatch }
  | { readonly kind: "source-ip" | "direct-remote-ip" | "remote-ip"; readonly range: CidrRange };

type Shared =
  | { readonly kind: "any" | "never" }
  | { readonly kind: "header"; readonly match: HeaderMatch }
  /** The path without its query. */
  | { readonly kind: "path"; readonly match: StringMatch }
  | { readonly kind: "metadata"; readonly match: MetadataMatch; readonly source: "dynamic" | "route" };

/** A policy matches where one of its permissions and one of its principals do. */
export interface RbacPolicy {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

type Test = (view: RbacView) => boolean;

/**
 * Compiles policies to a search for the first, in the order of their names, that matches: its name, or undefined.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto
 * @throws {MatcherError} for a pattern, an address block, a range or a template that cannot be matched with
 */
export function compileRbac(policies: readonly RbacPolicy[]): (view: RbacView) => string | undefined {
  const compile = createCompiler();
  const compiled = [...policies]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, permissions, principals }) => ({
      name,
      permitted: anyOf(permissions.map(compile)),
      identified: anyOf(principals.map(compile)),
    }));
  return (view) => {
    for (const { name, permitted, identified } of compiled) {
      if (permitted(view) && identified(view)) return name;
    }
    return undefined;
  };
}

/** Rules that stand beside each other look at the same address: it is parsed for the first of them. */
function createCompiler(): (rule: Permission | Principal) => Test {
  const parse = createLastParsed();
  const compile = (rule: Permission | Principal) => compileRule(rule, compile, parse);
  return compile;
}

function compileRule(
  rule: Permission | Principal,
  compile: (rule: Permission | Principal) => Test,
  parse: (address: string) => IpNumber | undefined,
): Test {
  const address = (range: CidrRange, read: (view: RbacView) => string): Test => {
    const contains = compileRange(range);
    return (view) => {
      const ip = parse(read(view));
      return ip !== undefined && contains(ip);
    };
  };
  switch (rule.kind) {
    case "any":
      return () => true;
    case "never":
      return () => false;
    case "and":
      return allOf(rule.of.map(compile));
    case "or":
      return anyOf(rule.of.map(compile));
    case "not": {
      const test = compile(rule.of);
      return (view) => !test(view);
    }
    case "header": {
      const test = compileHeader(rule.match);
      return ({ request }) => test(request);
    }
    case "path": {
      const test = compileString(rule.match);
      return ({ request: { path } }) => path !== "" && test(stripQuery(path));
    }
    case "metadata": {
      const test = compileMetadata(rule.match);
      return rule.source === "route"
        ? (view) => test((filter) => view.routeMetadata(filter))
        : (view) => test((filter) => view.metadata(filter));
    }
    case "path-template": {
      const test = compilePathTemplate(rule.template);
      return ({ request }) => test(stripQuery(request.path));
    }
    case "destination-port":
      return (view) => view.destinationPort === rule.port;
    case "destination-port-range":
      return compilePorts(rule.start, rule.end);
    case "server-name": {
      const test = compileString(rule.match);
      return (view) => test(view.serverName);
    }
    case "authenticated":
      return compileAuthenticated(rule.name);
    case "destination-ip":
      return address(rule.range, (view) => view.destinationAddress);
    case "source-ip":
      return address(rule.range, (view) => view.sourceAddress);
    case "direct-remote-ip":
      return address(rule.range, (view) => view.directRemoteAddress);
    case "remote-ip":
      return address(rule.range, (view) => view.remoteAddress);
    default:
      return assertNever(rule);
  }
}

function anyOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (view) => {
    for (const test of tests) if (test(view)) return true;
    return false;
  };
}

function allOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (view) => {
    for (const test of tests) if (!test(view)) return false;
    return true;
  };
}

function compileAuthenticated(name: StringMatch | undefined): Test {
  if (name === undefined) return ({ principals }) => principals !== undefined;
  const test = compileString(name);
  return ({ principals }) => principals?.some(test) ?? false;
}

const maxPort = 65_536;

function compilePorts(start: number, end: number): Test {
  if (start < 0 || start >= end || end > maxPort)
    throw new MatcherError(
      "invalid-range",
      `ports ${start} to ${end} are no range, needed is 0 <= start < end <= ${maxPort}`,
    );
  return ({ destinationPort }) => destinationPort >= start && destinationPort < end;
}

function createLastParsed(): (address: string) => IpNumber | undefined {
  let text = "";
  let parsed: IpNumber | undefined;
  return (address) => {
    if (address !== text) {
      text = address;
      parsed = parseIp(address);
    }
    return parsed;
  };
}
