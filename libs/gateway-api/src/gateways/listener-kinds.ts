import { gatewayApiGroup, type Listener } from "@weft/istio-api";

/** A kind of route that a listener takes, as status reports it. */
export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

/** Kinds of routes that a listener's protocol can carry. */
function carried({ protocol, tls }: Listener): readonly string[] {
  switch (protocol) {
    case "HTTP":
    case "HTTPS":
      return ["HTTPRoute", "GRPCRoute"];
    case "TCP":
      return ["TCPRoute"];
    case "TLS":
      // What is not decrypted is routed by SNI, what is decrypted by port.
      return tls?.mode === "Passthrough" ? ["TLSRoute"] : ["TCPRoute"];
    default:
      return [];
  }
}

/** The kinds of routes a listener takes: those that it allows and can carry; `complete` where it can carry all it allows. */
export function supportedKinds(listener: Listener): {
  readonly kinds: readonly RouteKind[];
  readonly complete: boolean;
} {
  const kinds = carried(listener).map((kind) => ({ group: gatewayApiGroup, kind }));
  const allowed = listener.allowedRoutes?.kinds ?? [];
  if (allowed.length === 0) return { kinds, complete: true };
  const both = kinds.filter(({ kind }) =>
    allowed.some((one) => one.kind === kind && (one.group ?? gatewayApiGroup) === gatewayApiGroup),
  );
  return { kinds: both, complete: both.length === allowed.length };
}
