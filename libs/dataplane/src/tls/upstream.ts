import { X509Certificate } from "node:crypto";
import { connect as connectRaw, isIP, type OnReadOpts, Socket } from "node:net";
import { connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { Clock } from "@weft/base";
import type { UpstreamPeer } from "../runtime/connection.ts";
import type { OfferedProtocols, UpstreamTarget, UpstreamTransport } from "../runtime/transport.ts";
import type { ContextCache } from "./context.ts";
import { TransportSocketError } from "./error.ts";
import { judgePeer } from "./peer.ts";
import type { TlsMaterial, TlsSettings } from "./secret.ts";
import { createSessionCache } from "./session-cache.ts";
import type { TlsStats } from "./stats.ts";
import { noteResumedPeer, upstreamIdentity } from "./upstream-identity.ts";

/** Envoy's UpstreamTlsContext, compiled. */
export interface UpstreamTlsOptions {
  readonly settings: TlsSettings;
  readonly material: () => TlsMaterial;
  /** Server name to ask for; empty for none. */
  readonly sni: string;
  /** Resumes sessions; a session holds until its peer was verified five minutes ago. */
  readonly resumes: boolean;
  /** TCP keep-alive: first probe after this long; undefined: off. */
  readonly keepAliveMs: number | undefined;
  readonly contexts: ContextCache;
  readonly stats: TlsStats;
  readonly clock: Clock;
}

/** A socket that fails to connect, for this reason. */
function failedSocket(error: Error): Socket {
  const socket = new Socket();
  // Not at once: whoever asked for the connection has yet to listen.
  setImmediate(() => socket.destroy(error));
  return socket;
}

/** Connects with TLS, or not at all: nothing is ever sent in the clear instead. */
export function createUpstreamTls(options: UpstreamTlsOptions): UpstreamTransport {
  const { settings, material, stats, clock, resumes } = options;
  const sessions = createSessionCache(() => clock.now());
  let sessionsFor: TlsMaterial | undefined;

  return {
    connect(target, localAddress, onread, offered, { preface } = {}) {
      try {
        const present = material();
        // A session made with other certificates, or before a CA was dropped, is worth nothing.
        if (present !== sessionsFor) sessions.clear();
        sessionsFor = present;
        const host = `${target.address} ${target.port}`;
        const kept = sessions.get(host);
        const below = preface && openBelow(target, localAddress, preface);
        const socket = open(options, present, target, {
          localAddress,
          onread,
          session: kept?.session,
          below,
          protocols: protocolsOf(settings, offered),
        });
        noteResumedPeer(socket, kept?.peer);
        watch(socket, below ?? socket, stats);
        if (resumes)
          keepSession(socket, (session, peer, expires) => {
            if (sessionsFor === present) sessions.put(host, { session, peer }, expires);
          });
        return socket;
      } catch (error) {
        if (!(error instanceof TransportSocketError)) throw error;
        stats.failed(error.code);
        return failedSocket(error);
      }
    },
  };
}

function protocolsOf(
  { applicationProtocols }: TlsSettings,
  offered: OfferedProtocols | undefined,
): readonly string[] {
  if (offered === undefined) return applicationProtocols;
  if ("instead" in offered) return offered.instead;
  return applicationProtocols.length > 0 ? applicationProtocols : offered.fallback;
}

const whereTo = (address: string, port: number) =>
  port === 0 && address.startsWith("/") ? { path: address } : { host: address, port };

/** A connection on which something is said in the clear before the handshake. */
function openBelow(
  { address, port }: UpstreamTarget,
  localAddress: string | undefined,
  preface: Buffer,
): Socket {
  const socket = connectRaw({
    ...whereTo(address, port),
    ...(localAddress !== undefined && { localAddress }),
  });
  socket.write(preface);
  return socket;
}

function open(
  { settings: { parameters }, sni, keepAliveMs, contexts, clock }: UpstreamTlsOptions,
  present: TlsMaterial,
  { address, port }: UpstreamTarget,
  connection: {
    readonly localAddress: string | undefined;
    readonly onread: OnReadOpts | undefined;
    readonly session: Buffer | undefined;
    readonly protocols: readonly string[];
    /** The connection that the handshake is to be made on, where there is one already. */
    readonly below: Socket | undefined;
  },
): TLSSocket {
  const { trust } = present;
  const { localAddress, onread, session, protocols, below } = connection;
  const socket = connect({
    ...(below === undefined ? whereTo(address, port) : { socket: below }),
    secureContext: contexts.get(parameters, present),
    // Server names are names: RFC 6066, section 3.
    ...(sni !== "" && isIP(sni) === 0 && { servername: sni }),
    ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
    // Without a CA nobody is verified, as in Envoy: the configuration says so.
    rejectUnauthorized: trust?.ca !== undefined,
    // Called once OpenSSL has verified the chain.
    checkServerIdentity: (_name: string, { raw }: PeerCertificate) =>
      trust === undefined ? undefined : judgePeer(new X509Certificate(raw), null, trust, clock.now()),
    ...(session !== undefined && { session }),
    ...(localAddress !== undefined && { localAddress }),
    ...(onread !== undefined && { onread }),
  });
  socket.setNoDelay(true);
  if (keepAliveMs !== undefined) socket.setKeepAlive(true, keepAliveMs);
  return socket;
}

/** Counts how the handshake ends. */
function watch(socket: TLSSocket, below: Socket, stats: TlsStats): void {
  let secure = false;
  let connected = false;
  let failure: Error | undefined;
  below.once("connect", () => {
    connected = true;
  });
  socket.once("secureConnect", () => {
    secure = true;
    stats.succeeded(socket, true);
  });
  socket.on("error", (error) => {
    failure ??= error;
  });
  socket.once("close", () => {
    if (secure || !connected) return;
    if (failure instanceof TransportSocketError) stats.failed(failure.code);
    // Set where OpenSSL's verdict on the chain was the reason.
    else stats.failed(socket.authorizationError ? "untrusted" : "handshake");
  });
}

/** Hands over sessions of a connection whose peer was verified in full; until its certificate expires. */
function keepSession(
  socket: TLSSocket,
  keep: (session: Buffer, peer: UpstreamPeer | undefined, expires: number) => void,
): void {
  let expires: number | undefined;
  let peer: UpstreamPeer | undefined;
  let early: Buffer | undefined;
  socket.on("session", (session) => {
    if (expires === undefined) early = session;
    else keep(session, peer, expires);
  });
  socket.once("secureConnect", () => {
    if (socket.isSessionReused()) return;
    expires = socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0;
    peer = upstreamIdentity(socket)?.peer;
    if (early !== undefined) keep(early, peer, expires);
  });
}
