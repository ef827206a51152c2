import type { WithProblems } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { ProxyView } from "@weft/mesh-model";
import { buildProxyIr } from "./build.ts";
import { IdentityMemo } from "./memo.ts";
import { checkIr } from "./resources/check.ts";
import { encodeIr } from "./resources/encode.ts";
import { toResourceSet } from "./resources/resource-set.ts";

/** Turns what proxies see into what they are sent. */
export interface Translator {
  /** The resources of one proxy. Pure: the same view gives the same bytes, whatever was asked before. */
  translate(view: ProxyView): WithProblems<ResourceSet>;
}

/**
 * A translator that remembers: pieces of the output whose inputs (services, rules, endpoints) are the same objects as
 * before are neither built nor encoded again, for this proxy or for others. It holds on to nothing that is not in use.
 */
export function createTranslator(): Translator {
  const memo = new IdentityMemo();
  return {
    translate: (view) => {
      const ir = buildProxyIr(view, memo);
      const problems = [...ir.problems, ...checkIr(ir.value, memo)];
      return { value: toResourceSet(encodeIr(ir.value, memo), memo), problems };
    },
  };
}

/** The resources of one proxy, made from nothing. */
export function translate(view: ProxyView): WithProblems<ResourceSet> {
  return createTranslator().translate(view);
}
