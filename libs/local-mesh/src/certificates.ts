import { adminGet } from "./admin-client.ts";

/** The certificate that a proxy shows to others. */
export interface WorkloadCertificate {
  /** Its SPIFFE ID. */
  readonly identity: string;
  readonly serialNumber: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Asks a proxy's admin API, `host:port`, for its certificate; undefined while it has none. */
export async function readCertificate(admin: string): Promise<WorkloadCertificate | undefined> {
  return parseCertificates(await adminGet(admin, "/certs"));
}

interface CertificatesJson {
  readonly certificates?: readonly {
    readonly cert_chain?: readonly {
      readonly serial_number?: string;
      readonly subject_alt_names?: readonly { readonly uri?: string }[];
      readonly valid_from?: string;
      readonly expiration_time?: string;
    }[];
  }[];
}

/**
 * Reads `/certs`: the newest certificate with a SPIFFE ID, as Envoy lists one for each context, those of connections that live on
 * included. https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--certs
 */
export function parseCertificates(text: string): WorkloadCertificate | undefined {
  return ((JSON.parse(text) as CertificatesJson).certificates ?? [])
    .flatMap(({ cert_chain: [leaf] = [] }) => {
      const identity = leaf?.subject_alt_names?.find(({ uri }) => uri?.startsWith("spiffe://"))?.uri;
      if (leaf === undefined || identity === undefined) return [];
      return {
        identity,
        serialNumber: leaf.serial_number ?? "",
        notBefore: Date.parse(leaf.valid_from ?? ""),
        notAfter: Date.parse(leaf.expiration_time ?? ""),
      };
    })
    .reduce<WorkloadCertificate | undefined>(
      (newest, one) => (newest === undefined || one.notAfter > newest.notAfter ? one : newest),
      undefined,
    );
}
