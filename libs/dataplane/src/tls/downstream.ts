import { TLSSocket } from "node:tls";
import type { Clock } from "@weft/base";
import type { PeerCertificate } from "../runtime/connection.ts";
import type { DownstreamTransport, SecuredConnection } from "../runtime/transport.ts";
import type { ContextCache } from "./context.ts";
import { TransportSocketError } from "./error.ts";
import { describePeer, describeTls, judgePeer } from "./peer.ts";
import type { TlsMaterial, TlsSettings } from "./secret.ts";
import type { TlsStats } from "./stats.ts";

/** Envoy's DownstreamTlsContext, compiled. */
export interface DownstreamTlsOptions {
  readonly settings: TlsSettings;
  readonly material: () => TlsMaterial;
  readonly requireClientCertificate: boolean;
  readonly contexts: ContextCache;
  readonly stats: TlsStats;
  readonly clock: Clock;
}

/** A handshake takes no longer than this, whatever the filter chain says. */
const handshakeLimitMs = 60_000;

/** The part of a TLS socket that Node documents for clients only: OpenSSL's verdict on the other side's chain. */
interface WithVerdict {
  readonly ssl?: { verifyError(): Error | null };
}

/**
 * Ends TLS on accepted connections. The bytes that inspection took go back into the socket: Node hands them to OpenSSL,
 * and all that follows goes from the kernel to OpenSSL without passing through a stream.
 */
export function createDownstreamTls(options: DownstreamTlsOptions): DownstreamTransport {
  const { settings, material, contexts, stats, clock } = options;

  return {
    accept: (socket, head, offered) =>
      new Promise<SecuredConnection>((resolve, reject) => {
        const fail = (error: TransportSocketError) => {
          stats.failed(error.code);
          reject(error);
        };
        try {
          const present = material();
          const secureContext = contexts.get(settings.parameters, present);
          if (head.length > 0) socket.unshift(head);
          const secured = new TLSSocket(socket, {
            isServer: true,
            secureContext,
            requestCert: options.requireClientCertificate || present.trust?.ca !== undefined,
            // Judged below, where the reason can be counted.
            rejectUnauthorized: false,
            ...protocolsFor(settings.applicationProtocols, offered),
          });
          const cancel = clock.after(handshakeLimitMs, () => socket.destroy());
          let reason = "the connection was closed in the handshake";
          const onError = (error: Error) => {
            reason = error.message.trim();
          };
          const onClose = () => {
            cancel();
            fail(new TransportSocketError("handshake", reason));
          };
          secured.once("close", onClose).on("error", onError);
          secured.once("secure", () => {
            cancel();
            secured.off("close", onClose);
            try {
              const peer = acceptPeer(secured, present, options);
              stats.succeeded(secured, peer !== undefined);
              resolve({
                socket: secured,
                head: Buffer.alloc(0),
                tls: describeTls(secured, peer, present.certificates),
                ...(typeof secured.alpnProtocol === "string" && {
                  applicationProtocol: secured.alpnProtocol,
                }),
              });
            } catch (error) {
              secured.destroy();
              if (!(error instanceof TransportSocketError)) throw error;
              fail(error);
            }
          });
        } catch (error) {
          if (!(error instanceof TransportSocketError)) throw error;
          fail(error);
        }
      }),
  };
}

/** As Envoy: where client and server have no protocol in common, none is agreed on; Node would break off. */
function protocolsFor(ours: readonly string[], offered: readonly string[] | undefined) {
  if (ours.length === 0) return {};
  if (offered !== undefined && !ours.some((protocol) => offered.includes(protocol))) return {};
  return { ALPNProtocols: [...ours] };
}

/** @throws {TransportSocketError} where the client must not go on */
function acceptPeer(
  socket: TLSSocket,
  { trust }: TlsMaterial,
  { requireClientCertificate, clock }: DownstreamTlsOptions,
): PeerCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    if (requireClientCertificate)
      throw new TransportSocketError("no-certificate", "the client showed no certificate");
    return undefined;
  }
  if (trust === undefined) return undefined;
  const ssl = (socket as unknown as WithVerdict).ssl;
  if (ssl === undefined) throw new TransportSocketError("handshake", "the connection is closed");
  const problem = judgePeer(certificate, ssl.verifyError(), trust, clock.now());
  if (problem !== undefined) throw problem;
  return describePeer(certificate);
}
