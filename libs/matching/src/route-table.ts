import { MatcherError } from "./error.ts";
import { stripQuery } from "./path.ts";
import type { RequestView } from "./request-view.ts";
import { compileTest, type RouteMatch, type RouteTest } from "./route.ts";

/** One route of a table: what it takes, and what is found. */
export interface RouteEntry<T> {
  readonly match: RouteMatch;
  readonly value: T;
}

/** Finds the first route that takes the request. `random` as for `RouteMatcher`. */
export type RouteLookup<T> = (request: RequestView, random: number) => T | undefined;

/** Below this a scan is as fast as an index. */
const smallTable = 6;

interface Row<T> {
  readonly index: number;
  readonly test: RouteTest;
  readonly value: T;
}

/** Is told of an entry, by its place, whose patterns cannot be compiled. */
export type ReportEntry = (index: number, error: MatcherError) => void;

/**
 * Compiles routes to a lookup of the first that matches, in the order given. Exact paths and prefixes are found by
 * hashing, so a table of many routes costs about as much as one of few; only regexes, paths without case and
 * routes without a path are tried one by one.
 * @throws {MatcherError} for a pattern that RE2 would refuse, unless `report` is told of it
 */
export function compileRouteTable<T>(
  entries: readonly RouteEntry<T>[],
  report?: ReportEntry,
): RouteLookup<T> {
  const rows = entries.map(({ match, value }, index) => ({
    index,
    test: compileEntry(match, index, report),
    value,
  }));
  if (rows.length <= smallTable) return scan(rows);
  const exact = new Map<string, Row<T>[]>();
  const prefixes = new Map<number, Map<string, Row<T>[]>>();
  const rest: Row<T>[] = [];
  for (const [index, { match }] of entries.entries()) {
    const row = rows[index] as Row<T>; // same length as entries
    const path = match.path;
    if (path === undefined || path.kind === "regex" || path.ignoreCase === true) rest.push(row);
    else if (path.kind === "exact") append(exact, path.value, row);
    else {
      const ofLength = prefixes.get(path.value.length) ?? new Map<string, Row<T>[]>();
      prefixes.set(path.value.length, ofLength);
      append(ofLength, path.value, row);
    }
  }
  const byLength = [...prefixes];
  return (request, random) => {
    const path = stripQuery(request.path);
    let best = firstBefore(exact.get(path), undefined, request, path, random);
    for (const [length, ofLength] of byLength) {
      if (length <= path.length) {
        best = firstBefore(ofLength.get(path.slice(0, length)), best, request, path, random);
      }
    }
    return firstBefore(rest, best, request, path, random)?.value;
  };
}

/** An entry that cannot be compiled matches nothing. */
function compileEntry(match: RouteMatch, index: number, report: ReportEntry | undefined): RouteTest {
  try {
    return compileTest(match);
  } catch (error) {
    if (report === undefined || !(error instanceof MatcherError)) throw error;
    report(index, error);
    return () => false;
  }
}

function scan<T>(rows: readonly Row<T>[]): RouteLookup<T> {
  return (request, random) => firstBefore(rows, undefined, request, stripQuery(request.path), random)?.value;
}

/** The first row that stands before `best` and matches, else `best`. Rows are in the table's order. */
function firstBefore<T>(
  rows: readonly Row<T>[] | undefined,
  best: Row<T> | undefined,
  request: RequestView,
  path: string,
  random: number,
): Row<T> | undefined {
  if (rows === undefined) return best;
  for (const row of rows) {
    if (best !== undefined && row.index > best.index) return best;
    if (row.test(request, path, random)) return row;
  }
  return best;
}

function append<T>(map: Map<string, Row<T>[]>, key: string, row: Row<T>): void {
  const rows = map.get(key);
  if (rows === undefined) map.set(key, [row]);
  else rows.push(row);
}
