import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "@weft/base";
import { namesOf, type TlsMaterial } from "../tls/index.ts";
import type { AdminEndpoint } from "./endpoint.ts";

/**
 * Certificates in use, as `envoy.admin.v3.Certificates`: an entry for each context that is in use, keys never.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/certs.proto
 */
export const certsEndpoint: AdminEndpoint = {
  path: "/certs",
  help: "print certs on machine",
  handle: (_request, { resources, clock }) => ({
    json: { certificates: resources.tlsMaterials().map((material) => entry(material, clock)) },
  }),
};

function entry({ certificates, trust }: TlsMaterial, clock: Clock): unknown {
  const ca = trust?.caCertificates[0];
  return {
    ca_cert: ca === undefined ? [] : [details(ca, trust?.caPath ?? "", clock)],
    // As Envoy: the leaf of each chain.
    cert_chain: certificates.map(({ certificates: [leaf] }) => details(leaf, "", clock)),
  };
}

const dayMs = 86_400_000;

/** Envoy's value where there is no certificate. */
const noCertificate = 2 ** 32 - 1;

/** Whole days until the first certificate in use ends, CAs included; 0 once one has, as Envoy's `server.days_until_first_cert_expiring`. */
export function daysUntilFirstExpiry(materials: readonly TlsMaterial[], now: number): number {
  const days = materials
    .flatMap(({ certificates, trust }) => [
      ...certificates.map(({ certificates: [leaf] }) => leaf),
      ...(trust?.caCertificates ?? []),
    ])
    .map(({ validToDate }) => Math.max(0, Math.floor((validToDate.getTime() - now) / dayMs)));
  return Math.min(noCertificate, ...days);
}

function details(certificate: X509Certificate, path: string, clock: Clock): unknown {
  const { uri, dns, ip } = namesOf(certificate);
  const left = Math.floor((certificate.validToDate.getTime() - clock.now()) / dayMs);
  return {
    path: path === "" ? "<inline>" : path,
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: [
      ...uri.map((value) => ({ uri: value })),
      ...dns.map((value) => ({ dns: value })),
      ...ip.filter((value) => isIP(value) > 0).map((value) => ({ ip_address: value })),
    ],
    // 64-bit numbers are strings in protobuf's JSON.
    days_until_expiration: String(Math.max(0, left)),
    valid_from: certificate.validFromDate.toISOString(),
    expiration_time: certificate.validToDate.toISOString(),
  };
}
