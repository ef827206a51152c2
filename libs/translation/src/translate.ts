import type { WithProblems } from "@weft/base";
import { type ResourceSet, typeUrls } from "@weft/envoy-api";
import type { ProxyView, Service } from "@weft/mesh-model";
import { proxyIrInSteps } from "./build.ts";
import { applyEnvoyFilters } from "./envoy-filter/index.ts";
import { selectPatches } from "./envoy-filter/select.ts";
import { isProxyless, proxylessLists, proxylessView } from "./grpc/resources.ts";
import { IdentityMemo } from "./memo.ts";
import { nameTableList } from "./name-table/build.ts";
import { checkIr } from "./resources/check.ts";
import { toProblem } from "./resources/check-message.ts";
import { encodeInSteps, type LastLists } from "./resources/encode.ts";
import { hostDiscoveryFor } from "./resources/host-discovery.ts";
import { toResourceSet } from "./resources/resource-set.ts";
import { buildSecrets } from "./secrets/build.ts";
import { finish, type Steps } from "./steps.ts";
import { type Lists, withEndpoints } from "./with-endpoints.ts";

/** Turns what proxies see into what they are sent. */
export interface Translator {
  /**
   * The resources of one proxy. Pure: the same view gives the same bytes, whatever was asked before. Of types that are equal in
   * `previous`, the proxy's last set, the result has the same maps.
   */
  translate(view: ProxyView, previous?: ResourceSet): WithProblems<ResourceSet>;
  /**
   * The same as {@link translate} where nothing but the endpoints of these services has changed since `last` was made by this translator
   * for the same scope, in the time of these services. Undefined where that cannot be done.
   */
  withEndpoints(
    view: ProxyView,
    services: readonly Service[],
    last: ResourceSet,
  ): WithProblems<ResourceSet> | undefined;
  /** As {@link translate}, a small piece at each step: a first translation of a large mesh takes longer than others should wait. */
  translateInSteps(view: ProxyView, previous?: ResourceSet): Steps<WithProblems<ResourceSet>>;
}

/**
 * A translator that remembers: pieces of the output whose inputs (services, rules, endpoints) are the same objects as
 * before are neither built nor encoded again, for this proxy or for others. It holds on to nothing that is not in use.
 */
export function createTranslator(): Translator {
  const memo = new IdentityMemo();
  const last: LastLists = new Map();
  const listsOf = new WeakMap<ResourceSet, Lists>();
  const translateInSteps = function* (
    view: ProxyView,
    previous?: ResourceSet,
  ): Steps<WithProblems<ResourceSet>> {
    const proxyless = isProxyless(view);
    const ir = yield* proxyIrInSteps(proxyless ? proxylessView(view) : view, memo);
    yield;
    const hosts = proxyless
      ? undefined
      : hostDiscoveryFor(view, selectPatches(view, memo), { parts: ir.value.parts, memo });
    const encoding = { memo, last, scopeKey: view.scopeKey, ...(hosts ? { split: hosts.untouched } : {}) };
    const patched = proxyless
      ? { value: yield* proxylessLists(view, ir.value, memo), problems: [] }
      : applyEnvoyFilters(view, yield* encodeInSteps(ir.value, encoding), memo);
    yield;
    const lists = hosts?.splitPatched(patched.value) ?? patched.value;
    const secrets = buildSecrets(view, ir.value.parts, memo);
    const named = new Map(lists)
      .set(typeUrls.nameTable, [nameTableList(view, memo)])
      .set(typeUrls.secret, [secrets.value]);
    yield;
    const value = yield* toResourceSet(named, memo, previous);
    listsOf.set(value, named);
    const checked = checkIr(ir.value, memo);
    const rejected = (value.withheld ?? []).map(toProblem);
    return {
      value,
      problems: [...ir.problems, ...checked, ...patched.problems, ...secrets.problems, ...rejected],
    };
  };
  return {
    withEndpoints: (view, services, set) => {
      const lists = listsOf.get(set);
      const made = lists && withEndpoints(view, services, { last: { set, lists }, memo });
      if (made === undefined) return undefined;
      listsOf.set(made.value.set, made.value.lists);
      return { value: made.value.set, problems: made.problems };
    },
    translateInSteps,
    translate: (view, previous) => finish(translateInSteps(view, previous)),
  };
}

/** The resources of one proxy, made from nothing. */
export function translate(view: ProxyView): WithProblems<ResourceSet> {
  return createTranslator().translate(view);
}
