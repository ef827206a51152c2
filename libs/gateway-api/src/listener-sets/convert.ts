import { gatewayApiGroup, type ListenerSetSpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import { conditionsOf, type Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { assignPorts } from "../gateways/addresses.ts";
import { type BuiltGateway, listenerStatus, programmedMessage } from "../gateways/convert.ts";
import { type BuiltListener, buildListener } from "../gateways/listener.ts";
import { parentKey } from "../gateways/parents.ts";
import { chosenNamespaces } from "../references/namespaces.ts";
import { createListenerLedger, type ListenerLedger } from "./conflicts.ts";

/** A ListenerSet with the Gateway it adds listeners to. */
export interface BuiltListenerSet {
  readonly config: Config<ListenerSetSpec>;
  readonly gateway: BuiltGateway;
  /** Empty where the Gateway does not take them. */
  readonly listeners: readonly BuiltListener[];
  /** Why it is not taken. */
  readonly refused?: { readonly accepted: Failure; readonly programmed: Failure };
}

/** Builds ListenerSets, in the order in which they have a claim on ports and hosts: the older first. */
export function buildListenerSets(
  configs: readonly Config<ListenerSetSpec>[],
  gateways: ReadonlyMap<string, BuiltGateway>,
  context: Context,
): readonly BuiltListenerSet[] {
  const ledgers = new Map<BuiltGateway, ListenerLedger>();
  return configs.flatMap((config) => {
    const { group = gatewayApiGroup, kind = "Gateway", name, namespace } = config.spec.parentRef;
    if (group !== gatewayApiGroup || kind !== "Gateway") return [];
    const gateway = gateways.get(parentKey("Gateway", namespace ?? config.namespace, name));
    if (gateway === undefined) return [];
    const refused = refusal(config, gateway, context);
    if (refused) return [{ config, gateway, listeners: [], refused }];
    const ledger = ledgers.get(gateway) ?? ledgerOf(gateway);
    ledgers.set(gateway, ledger);
    const owner = { kind: "ListenerSet", namespace: config.namespace } as const;
    const parent = { spec: gateway.config.spec, class: gateway.class };
    const listeners = (config.spec.listeners ?? []).map((listener) =>
      judged(buildListener(listener, owner, parent, context), ledger),
    );
    return [{ config, gateway, listeners }];
  });
}

function ledgerOf(gateway: BuiltGateway): ListenerLedger {
  const ledger = createListenerLedger();
  for (const { listener } of gateway.listeners) ledger.add(listener);
  return ledger;
}

function judged(built: BuiltListener, ledger: ListenerLedger): BuiltListener {
  const reason = built.usable ? ledger.add(built.listener) : undefined;
  if (reason === undefined) return built;
  const message = "Listener has a conflict with another listener attached to the same Gateway";
  const failure = { reason, message };
  const failures = { Accepted: failure, Conflicted: failure, Programmed: failure };
  return { ...built, usable: false, conditions: conditionsOf("conflictingListener", { failures }) };
}

function refusal(
  { namespace }: Config<ListenerSetSpec>,
  { config, class: ofClass, services }: BuiltGateway,
  context: Context,
): BuiltListenerSet["refused"] {
  const both = (message: string) => {
    const failure = { reason: "NotAllowed", message };
    return { accepted: failure, programmed: failure };
  };
  if (!ofClass.routes)
    return both(`The "${config.spec.gatewayClassName}" GatewayClass does not support ListenerSet`);
  const choice = config.spec.allowedListeners?.namespaces ?? { from: "None" as const };
  const allowed = chosenNamespaces({ from: "None", ...choice }, config.namespace, context);
  if (!allowed.includes("*") && !allowed.includes(namespace))
    return both("The parent Gateway does not allow this reference; check the 'spec.allowedRoutes'");
  if (services.hostnames.length > 0) return undefined;
  const { reason = "UnsupportedAddress", message = "" } = services.failure ?? {};
  return {
    accepted: { reason, message: `Parent not accepted: ${message}` },
    programmed: { reason: "UnsupportedAddress", message: "Failed to assign to any requested addresses" },
  };
}

/** Whether the Gateway has at least one more listener by it. */
export function isAttached({ listeners }: BuiltListenerSet): boolean {
  return listeners.some(({ usable }) => usable);
}

/** The status of a ListenerSet: https://gateway-api.sigs.k8s.io/reference/spec/#listenersetstatus */
export function listenerSetStatus(
  built: BuiltListenerSet,
  routes: (listener: string) => number,
  { input }: Context,
): Readonly<Record<string, unknown>> {
  const { listeners, refused, gateway } = built;
  if (refused) {
    const failures = { Accepted: refused.accepted, Programmed: refused.programmed };
    return { conditions: conditionsOf("listenerSet", { failures }) };
  }
  const none = { reason: "ListenersNotValid", message: "None of the ListenerSet's listeners are valid" };
  const invalid = listeners.length > 0 && !isAttached(built) ? none : undefined;
  const ports = listeners.map(({ listener }) => listener.port);
  const assignment = assignPorts(gateway.services.hostnames, ports, input);
  const messages = programmedMessage(assignment);
  const failures = { Accepted: invalid, Programmed: invalid ?? assignment.failure };
  return {
    conditions: conditionsOf("listenerSet", { failures, ...(messages ? { messages } : {}) }),
    listeners: listeners.map((one) => listenerStatus(one, routes(one.listener.name))),
  };
}
