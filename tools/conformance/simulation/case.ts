import type { MeshSettings } from "../load-mesh.ts";

/** A case of `simulation/calls.json`: a mesh, a proxy, and calls with what they come to. */
export interface SimulationCase {
  readonly id: string;
  readonly config: string;
  readonly kubeConfig: string;
  readonly meshConfig?: MeshSettings;
  /** Switches of pilot that are not at their defaults. */
  readonly features?: Readonly<Record<string, unknown>>;
  readonly skipValidation?: boolean;
  readonly proxy: SimulationProxy;
  readonly calls: readonly { readonly name: string; readonly call: Call; readonly result: CallResult }[];
}

/** The proxy of a case; what is absent has the defaults of the folder's README. */
export interface SimulationProxy {
  readonly type?: "sidecar" | "router";
  readonly namespace?: string;
  readonly ip?: string;
  readonly ipAddresses?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A connection and the request on it. */
export interface Call {
  readonly address?: string;
  readonly port: number;
  readonly path?: string;
  readonly protocol?: "http" | "http2" | "tcp";
  readonly tls?: "plaintext" | "tls" | "mtls";
  readonly alpn?: string;
  readonly sni?: string;
  readonly hostHeader?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly callMode?: "inbound" | "outbound" | "gateway";
  /** Name of the SDS certificate that the chain must show for mutual TLS. */
  readonly mtlsSecretConfigName?: string;
}

/** How far a call got, by the names of what it matched. */
export interface CallResult {
  readonly error?: string;
  readonly listenerMatched?: string;
  readonly filterChainMatched?: string;
  readonly routeConfigMatched?: string;
  readonly virtualHostMatched?: string;
  readonly routeMatched?: string;
  readonly clusterMatched?: string;
  /** All fields count, the absent ones too. */
  readonly strictMatch?: boolean;
}

/** The fields of a result that are compared. */
export const resultFields = [
  "error",
  "listenerMatched",
  "filterChainMatched",
  "routeConfigMatched",
  "virtualHostMatched",
  "routeMatched",
  "clusterMatched",
] as const satisfies readonly (keyof CallResult)[];
