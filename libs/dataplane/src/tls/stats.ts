import type { TLSSocket } from "node:tls";
import type { Counter, StatsScope } from "../runtime/stats.ts";
import type { TransportSocketErrorCode } from "./error.ts";

/** Counters under `listener.<address>.ssl.` or `cluster.<name>.ssl.`. https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/stats#tls-statistics */
export class TlsStats {
  readonly handshakes: Counter;
  readonly #scope: StatsScope;
  readonly #resumed: Counter;
  readonly #noCertificate: Counter;
  readonly #failures: Readonly<Record<TransportSocketErrorCode, Counter>>;

  /** `scope`: of the listener or cluster; `factory`: `server_ssl_socket_factory` and the like, with its own counter. */
  constructor(scope: StatsScope, factory: { readonly name: string; readonly notReady: string }) {
    this.#scope = scope.scope("ssl");
    const counter = (name: string) => this.#scope.counter(name);
    this.handshakes = counter("handshake");
    this.#resumed = counter("session_reused");
    this.#noCertificate = counter("no_certificate");
    const error = counter("connection_error");
    const notReady = scope.scope(factory.name).counter(factory.notReady);
    this.#failures = {
      "secrets-not-ready": notReady,
      "bad-context": notReady,
      "no-certificate": counter("fail_verify_no_cert"),
      untrusted: counter("fail_verify_error"),
      "wrong-name": counter("fail_verify_san"),
      "not-pinned": counter("fail_verify_cert_hash"),
      handshake: error,
    };
  }

  /** Counts a handshake that came about. */
  succeeded(socket: TLSSocket, hasPeer: boolean): void {
    this.handshakes.inc();
    if (socket.isSessionReused()) this.#resumed.inc();
    if (!hasPeer) this.#noCertificate.inc();
    const cipher = socket.getCipher()?.name;
    const version = socket.getProtocol();
    // Both are of short lists of OpenSSL's.
    if (cipher !== undefined) this.#scope.counter(`ciphers.${cipher}`).inc();
    if (version !== null) this.#scope.counter(`versions.${version}`).inc();
  }

  failed(code: TransportSocketErrorCode): void {
    this.#failures[code].inc();
  }
}
