import { isIP } from "node:net";
import { stableStringify } from "@weft/base";
import { endpointsOf, type ProxyView } from "@weft/mesh-model";
import { dnsFamilyOf, looksUpHosts } from "./clusters/dynamic-dns.ts";
import type { BuildContext } from "./context.ts";
import { clientLabels, comparedLabelsOf } from "./endpoints/client-labels.ts";
import { passesMeshTrafficOn } from "./gateway/auto-passthrough.ts";

/** Whether anything in sight asks for the labels of the client: a match by source, or a rule for some workloads. */
function asksForLabels({ scope, snapshot }: ProxyView): boolean {
  const bySource = scope.listeners.some(({ virtualServices }) =>
    virtualServices.some(({ spec }) =>
      [...(spec.http ?? []), ...(spec.tls ?? []), ...(spec.tcp ?? [])].some((route) =>
        route.match?.some(({ sourceLabels }) => sourceLabels !== undefined),
      ),
    ),
  );
  return (
    bySource || snapshot.configs.destinationRules.some(({ spec }) => spec.workloadSelector !== undefined)
  );
}

/** Names of all labels that a rule for failover compares endpoints with the proxy by. */
function allComparedLabels(context: BuildContext): readonly string[] {
  const { destinationRules } = context.view.snapshot.configs;
  return [
    ...new Set([undefined, ...destinationRules].flatMap((rule) => comparedLabelsOf(context, rule))),
  ].sort();
}

/** Addresses of the endpoints of services without an address of their own: they get listeners, but not on themselves. */
function headlessAddresses({ scope, snapshot }: ProxyView): ReadonlySet<string> {
  const headless = scope.services.filter(
    ({ addresses, resolution }) => addresses.length === 0 && resolution === "Passthrough",
  );
  return new Set(headless.flatMap((service) => endpointsOf(snapshot, service).map(({ address }) => address)));
}

/**
 * All that the outbound side of a proxy depends on besides its scope and the snapshot, as a key: proxies with the same
 * key share all of it. A builder that reads more of a proxy must add it here.
 */
export function outboundVariant(context: BuildContext): string {
  const { view, memo, mutualTls, locality } = context;
  const { node, scope, snapshot } = view;
  const labelled = memo.get([scope, snapshot], "asks-for-labels", () => asksForLabels(view));
  const headless = memo.get([scope, snapshot], "headless-addresses", () => headlessAddresses(view));
  const compared = memo.get([snapshot], "compared-labels", () => allComparedLabels(context));
  const own = clientLabels(context);
  return JSON.stringify([
    "outbound",
    node.type,
    node.interceptionMode,
    node.dnsDomain,
    node.httpProxyPort,
    node.capturesDns ? [...new Set(node.ipAddresses.map(isIP))].sort() : [],
    node.metadata.HTTP10,
    mutualTls,
    locality,
    labelled ? stableStringify(view.labels) : "",
    node.network,
    dnsFamilyOf(context),
    looksUpHosts(view),
    passesMeshTrafficOn(view),
    compared.map((name) => own[name] ?? ""),
    node.ipAddresses.filter((address) => headless.has(address)),
  ]);
}
