import type { Clock } from "@weft/base";
import {
  type Authenticator,
  createClientCertificateAuthenticator,
  type SecretsConfig,
  startSecretsSource,
  UpdatableTlsCredentials,
  type WorkloadSecrets,
} from "@weft/identity";
import type { Logger } from "@weft/observability";
import { type Certificate, parseCertificates, parseWorkloadIdentity } from "@weft/pki";
import type { XdsClientClaim, XdsServerOptions } from "@weft/xds";
import { toNodeInput } from "../proxies.ts";
import { createXdsAuthentication } from "./authenticate.ts";
import { nodeRefusal } from "./node-identity.ts";

/** How pilot proves who it is, and finds out who its clients are. */
export interface SecureChannelConfig {
  /** Where pilot's own certificate comes from; its roots are what clients are verified against. */
  readonly secrets: SecretsConfig;
  /** Ways for clients besides their certificates: tokens, in this order. */
  readonly authenticators: readonly Authenticator[];
}

/** Settings of {@link openSecureChannel}. */
export interface SecureChannelOptions extends SecureChannelConfig {
  /** Trust domains of the mesh: its own first, then its aliases. */
  readonly trustDomains: () => readonly string[];
  /** Called at the first certificate. */
  readonly onReady: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Pilot's side of the channel to proxies with TLS. */
export interface SecureChannel extends Required<Pick<XdsServerOptions, "authenticate" | "admit">> {
  /** For the listener: the certificate changes while streams live on, and no connection is taken before the first one. */
  readonly credentials: UpdatableTlsCredentials;
  /** Pilot's own certificate and roots; undefined before the first ones. */
  secrets(): WorkloadSecrets | undefined;
  /** Has the roots, and the certificate, looked at anew soon: the CA has others. */
  refresh(): void;
  close(): void;
}

/** Gets pilot's certificate, keeps it, and judges clients by the roots that came with it. Throws where the identity is none. */
export function openSecureChannel(options: SecureChannelOptions): SecureChannel {
  const { secrets: config, trustDomains, onReady, logger, clock, random } = options;
  const credentials = new UpdatableTlsCredentials();
  let roots: readonly Certificate[] = [];
  let intermediates: readonly Certificate[] = [];
  let current: WorkloadSecrets | undefined;
  const onSecrets = (secrets: WorkloadSecrets) => {
    const { certificateChain, privateKey, roots: pem } = secrets;
    current = secrets;
    roots = parseCertificates(pem);
    intermediates = parseCertificates(certificateChain).slice(1);
    credentials.update({ key: privateKey.expose(), cert: certificateChain, ca: pem });
    onReady();
  };
  const source = startSecretsSource({ config, onSecrets, logger, clock, random });
  const trust = { trustDomains, roots: () => roots, intermediates: () => intermediates };
  return {
    credentials,
    authenticate: createXdsAuthentication({
      authenticators: [createClientCertificateAuthenticator(trust, clock), ...options.authenticators],
      logger,
      clock,
    }),
    admit: (client) => {
      const refused = refusalOf(client, trustDomains());
      if (refused !== undefined) {
        const { node, identity, peer } = client;
        logger.warn({ node: node.id.slice(0, 300), identity, peer }, `proxy refused: ${refused}`);
      }
      return refused;
    },
    secrets: () => current,
    refresh: source.refresh,
    close: source.close,
  };
}

/** Whoever came in plain text has proved nothing, and is taken for nobody: it gets no secrets. */
function refusalOf({ node, identity }: XdsClientClaim, trustDomains: readonly string[]): string | undefined {
  if (identity === undefined) return undefined;
  return nodeRefusal(parseWorkloadIdentity(identity), toNodeInput(node), trustDomains);
}
