import * as grpc from "@grpc/grpc-js";
import { typeUrls } from "@weft/envoy-api";
import { trustReportType } from "@weft/identity";
import { accept, createXdsClient } from "@weft/xds";

/** What a client of the listener with TLS calls with. */
export interface SecureClientOptions {
  readonly address: string;
  /** Roots that pilot is verified against, PEM; without them it is called in plain text. */
  readonly roots?: string;
  readonly serverName: string;
  readonly token?: string;
  /** The client's own, PEM. */
  readonly certificate?: { readonly key: string; readonly chain: string };
  readonly nodeId: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names by which it reports its trust; none unless told. */
  readonly reports?: readonly string[];
}

/** A client that asks for all clusters. */
export interface SecureClient {
  /** `answered`, or why not: the status, and what was said. */
  readonly first: Promise<string>;
  /** How often it was answered on its first stream. */
  readonly answers: () => number;
  /** Whether its first stream has ended. */
  readonly ended: () => boolean;
  close(): void;
}

/** Connects a {@link SecureClient}. */
export function connectSecurely(options: SecureClientOptions): SecureClient {
  const { address, roots, serverName, token, certificate, nodeId, metadata = {}, reports = [] } = options;
  const first = Promise.withResolvers<string>();
  let answers = 0;
  let ended = false;
  const call = new grpc.Metadata();
  if (token !== undefined) call.set("authorization", `Bearer ${token}`);
  const credentials =
    roots === undefined
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(
          Buffer.from(roots),
          certificate ? Buffer.from(certificate.key) : null,
          certificate ? Buffer.from(certificate.chain) : null,
        );
  const client = createXdsClient({
    address,
    credentials,
    serverName,
    metadata: () => call,
    node: { id: nodeId, metadata },
    onEvent: (event) => {
      if (event.kind !== "disconnected") return;
      ended = true;
      first.resolve(event.reason);
    },
  });
  client.subscribe(trustReportType, { names: reports, onUpdate: () => accept });
  client.subscribe(typeUrls.cluster, {
    names: "*",
    onUpdate: () => {
      if (!ended) answers++;
      first.resolve("answered");
      return accept;
    },
  });
  return { first: first.promise, answers: () => answers, ended: () => ended, close: () => client.close() };
}
