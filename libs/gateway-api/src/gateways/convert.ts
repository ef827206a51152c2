import type { Problem } from "@weft/base";
import type { KubernetesGatewaySpec } from "@weft/istio-api";
import type { Config, MeshObject } from "@weft/mesh-model";
import { type Condition, conditionsOf, type Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { annotation, gatewayName } from "../names.ts";
import { generatedObject, refOf } from "../output.ts";
import { type Assignment, assignPorts, enumerate, type GatewayServices, servicesOf } from "./addresses.ts";
import type { GatewayClass } from "./classes.ts";
import { type BuiltListener, buildListener } from "./listener.ts";
import { checkKeyPairRef, takesAnyClient } from "./listener-tls.ts";

/** A Gateway that is Istio's, with its listeners. */
export interface BuiltGateway {
  readonly config: Config<KubernetesGatewaySpec>;
  readonly class: GatewayClass;
  readonly services: GatewayServices;
  /** Empty where the Gateway has no address that could be served. */
  readonly listeners: readonly BuiltListener[];
}

/** Builds the listeners of a Gateway. */
export function buildGateway(
  config: Config<KubernetesGatewaySpec>,
  ofClass: GatewayClass,
  context: Context,
): BuiltGateway {
  const services = servicesOf(config, ofClass, context.input);
  const owner = { kind: "Gateway", namespace: config.namespace } as const;
  const listeners =
    services.hostnames.length === 0
      ? []
      : (config.spec.listeners ?? []).map((listener) =>
          buildListener(listener, owner, { spec: config.spec, class: ofClass }, context),
        );
  return { config, class: ofClass, services, listeners };
}

/** Why nothing is done for a Gateway, where nothing is. */
export function unsupportedGateway({ config, class: { unsupported } }: BuiltGateway): readonly Problem[] {
  if (unsupported === undefined) return [];
  const message = `has no effect: ${unsupported}`;
  const position = config.position ? { position: config.position } : {};
  return [
    { severity: "warning", code: "unsupported", path: "spec", message, object: refOf(config), ...position },
  ];
}

/** The Istio Gateway of one listener of a Gateway or, with `parentNamespace`, of a ListenerSet. */
export function toIstioGateway(
  owner: Config<unknown>,
  { listener, server }: BuiltListener,
  { hostnames, managedName = "" }: GatewayServices,
  parentNamespace?: string,
): MeshObject {
  return generatedObject("Gateway", gatewayName(owner.name, listener.name), owner, {
    annotations: {
      [annotation.gatewaySemantics]: "gateway",
      [annotation.gatewayService]: hostnames.join(","),
      [annotation.parents]: `${owner.kind}/${owner.name}/${listener.name}.${owner.namespace}`,
      [annotation.serviceAccountName]: managedName,
      ...(parentNamespace === undefined ? {} : { [annotation.parentNamespace]: parentNamespace }),
    },
    spec: { servers: [server] },
  });
}

/** Message of Programmed where all is well. */
export function programmedMessage({
  assigned,
}: Assignment): Readonly<Record<"Programmed", string>> | undefined {
  if (assigned.length === 0) return undefined;
  return { Programmed: `Resource programmed, assigned to service(s) ${enumerate(assigned)}` };
}

function acceptedFailure({ services, listeners }: BuiltGateway): Failure | undefined {
  if (services.failure) return services.failure;
  const broken = listeners.filter(({ usable }) => !usable).length;
  if (broken === 0) return undefined;
  const reason = "ListenersNotValid";
  return broken === listeners.length
    ? { reason, message: "None of the Gateway's listeners are valid" }
    : { reason, message: "One or more of the Gateway's listeners are invalid", partial: true };
}

/** What attaches to a Gateway. */
export interface Attached {
  /** Ports of all listeners: its own and those of ListenerSets. */
  readonly ports: readonly number[];
  readonly listenerSets: number;
  /** Number of routes that are bound to a listener. */
  routes(listener: string): number;
}

/**
 * Conditions, in the order of their names, and among them one that is there only where clients are not checked:
 * https://gateway-api.sigs.k8s.io/reference/spec/#frontendvalidationmodetype
 */
function withWarning(
  tls: BuiltGateway["config"]["spec"]["tls"],
  conditions: readonly Condition[],
): readonly Condition[] {
  if (!takesAnyClient(tls)) return conditions;
  const warning: Condition = {
    type: "InsecureFrontendValidationMode",
    status: "True",
    reason: "ConfigurationChanged",
    message: "Clients without a valid certificate are taken (AllowInsecureFallback)",
  };
  return [...conditions, warning].sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** The status of a Gateway: https://gateway-api.sigs.k8s.io/reference/spec/#gatewaystatus */
export function gatewayStatus(
  gateway: BuiltGateway,
  attached: Attached,
  context: Context,
): Readonly<Record<string, unknown>> {
  const { config, services, listeners } = gateway;
  const assignment = assignPorts(services.hostnames, attached.ports, context.input);
  const clientCertificate = config.spec.tls?.backend?.clientCertificateRef;
  const resolved =
    clientCertificate &&
    checkKeyPairRef(
      clientCertificate,
      { context, owner: { kind: "Gateway", namespace: config.namespace } },
      { field: "clientCertificateRef", reason: "InvalidClientCertificateRef" },
    );
  const messages = programmedMessage(assignment);
  return {
    ...(assignment.addresses.length > 0 ? { addresses: assignment.addresses.map(toAddress) } : {}),
    ...(attached.listenerSets > 0 ? { attachedListenerSets: attached.listenerSets } : {}),
    conditions: withWarning(
      config.spec.tls,
      conditionsOf("gateway", {
        failures: {
          Accepted: acceptedFailure(gateway),
          Programmed: assignment.failure,
          ResolvedRefs: resolved,
        },
        ...(messages ? { messages } : {}),
      }),
    ),
    ...(listeners.length > 0
      ? { listeners: listeners.map((built) => listenerStatus(built, attached.routes(built.listener.name))) }
      : {}),
  };
}

/** The status of one listener. */
export function listenerStatus({ listener, conditions, kinds }: BuiltListener, attachedRoutes: number) {
  return { name: listener.name, attachedRoutes, supportedKinds: kinds, conditions };
}

function toAddress(value: string): { readonly type: string; readonly value: string } {
  return { type: /^[\d.]+$|:/.test(value) ? "IPAddress" : "Hostname", value };
}
