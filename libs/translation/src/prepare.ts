import type { ProxyView } from "@weft/mesh-model";
import { buildOutbound, knowsBackends, traitsOf } from "./build.ts";
import { buildServiceBackends } from "./clusters/build.ts";
import { createContext } from "./context.ts";
import type { IdentityMemo } from "./memo.ts";
import { ProblemList } from "./problems.ts";
import { PieceEncoder } from "./resources/encode.ts";
import { discoversHosts } from "./resources/host-discovery.ts";

/**
 * Makes what the translation of a view will look up in `memo`, a small piece at each step: a first translation of a large mesh takes
 * longer than anything else should have to wait.
 */
export function* prepare(view: ProxyView, memo: IdentityMemo): Generator<void> {
  const { scope } = view;
  const context = createContext(view, memo, new ProblemList());
  const encoder = new PieceEncoder(traitsOf(view), memo);
  for (const service of knowsBackends(context) ? [] : scope.services) {
    const alone = { ...context, view: { ...view, scope: { ...scope, services: [service] } } };
    const { backends, loadAssignments } = buildServiceBackends(alone);
    backends.forEach(encoder.cluster);
    loadAssignments.forEach(encoder.loadAssignment);
    yield;
  }
  const { listeners, routes } = buildOutbound(context).value;
  yield;
  for (const listener of listeners) {
    encoder.listener(listener);
    yield;
  }
  const splits = discoversHosts(view);
  for (const table of routes)
    for (const host of table.virtualHosts) {
      if (splits && table.manyHosts) encoder.splitHost(table, host);
      else encoder.virtualHost(host);
      yield;
    }
}
