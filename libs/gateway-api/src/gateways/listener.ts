import type { KubernetesGatewaySpec, Listener, Server } from "@weft/istio-api";
import { type Condition, conditionsOf, type Failure, type Findings } from "../conditions.ts";
import type { Context } from "../context.ts";
import { gatewayController } from "../names.ts";
import { chosenNamespaces } from "../references/namespaces.ts";
import type { GatewayClass } from "./classes.ts";
import { type RouteKind, supportedKinds } from "./listener-kinds.ts";
import { buildTls, type ListenerOwner } from "./listener-tls.ts";

/** A listener as Istio's Gateway has it. */
export interface BuiltListener {
  readonly listener: Listener;
  readonly server: Server;
  /** Whether it can serve; one that cannot gives no configuration, only status. */
  readonly usable: boolean;
  readonly kinds: readonly RouteKind[];
  readonly conditions: readonly Condition[];
}

/** The status of a listener; routes that are attached are counted later. */
export interface ListenerStatus {
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
  readonly name: string;
  readonly supportedKinds: readonly RouteKind[];
}

const protocols = ["HTTP", "HTTPS", "TLS", "TCP", "HBONE"];

function protocolFailure({ protocol, tls }: Listener, { controller }: GatewayClass): string | undefined {
  if (protocol === "HBONE")
    return controller === gatewayController
      ? `protocol "HBONE" is only supported for waypoint proxies`
      : undefined;
  if (protocol === "HTTPS" && tls === undefined) return "protocol is HTTPS but no TLS section is defined";
  if (protocols.includes(protocol)) return undefined;
  const upper = protocol.toUpperCase();
  const hint = protocols.includes(upper) ? `. hint: "${upper}" (uppercase) may be supported` : "";
  return `protocol "${protocol}" is unsupported${hint}`;
}

/** Failures of a certificate for clients, which make the listener as a whole unacceptable. */
const unacceptable = ["InvalidCACertificateRef", "InvalidCACertificateKind", "RefNotPermitted"];

function findingsOf(listener: Listener, tls: Failure | undefined, protocol: string | undefined): Findings {
  const badTls = tls !== undefined || (protocol !== undefined && listener.protocol === "HTTPS");
  const accepted =
    protocol !== undefined
      ? { reason: "UnsupportedProtocol", message: protocol }
      : tls && unacceptable.includes(tls.reason)
        ? { reason: "NoValidCACertificate", message: tls.message }
        : undefined;
  const kinds = supportedKinds(listener).complete
    ? undefined
    : { reason: "InvalidRouteKinds", message: "Invalid route kinds" };
  return {
    failures: {
      Accepted: accepted,
      Programmed: badTls ? { reason: "Invalid", message: "Bad TLS configuration" } : undefined,
      ResolvedRefs: kinds ?? tls,
    },
  };
}

/** `namespace/host` for every namespace whose routes the listener takes; `~` where there is none. */
function hostsOf(listener: Listener, owner: ListenerOwner, context: Context): readonly string[] {
  const host = listener.hostname || "*";
  const choice = listener.allowedRoutes?.namespaces ?? {};
  const namespaces = chosenNamespaces(choice, owner.namespace, context);
  return namespaces.length === 0 ? [`~/${host}`] : namespaces.map((namespace) => `${namespace}/${host}`);
}

/** Builds one listener of a Gateway or ListenerSet: https://gateway-api.sigs.k8s.io/reference/spec/#listener */
export function buildListener(
  listener: Listener,
  owner: ListenerOwner,
  gateway: { readonly spec: KubernetesGatewaySpec; readonly class: GatewayClass },
  context: Context,
): BuiltListener {
  const protocol = protocolFailure(listener, gateway.class);
  const tls =
    protocol === undefined
      ? buildTls(listener, gateway.spec.tls, { context, owner })
      : { settings: undefined };
  const failure = "failure" in tls ? tls.failure : undefined;
  const settings = "failure" in tls ? undefined : tls.settings;
  return {
    listener,
    server: {
      // A server is alone in its Gateway, so that routes can be bound to it; one name does for all.
      port: { name: "default", number: listener.port, protocol: listener.protocol },
      hosts: hostsOf(listener, owner, context),
      ...(settings ? { tls: settings } : {}),
    },
    usable: protocol === undefined && failure === undefined,
    kinds: supportedKinds(listener).kinds,
    conditions: conditionsOf("listener", findingsOf(listener, failure, protocol)),
  };
}
