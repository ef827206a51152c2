import { createCaClient } from "@weft/identity";
import { createCsr, exportPrivateKey, formatWorkloadIdentity, generateKeyPair } from "@weft/pki";
import type { CertificateSource } from "../agent-process.ts";
import { trustDomain } from "../citadel.ts";
import type { CheckedWorkload } from "./check.ts";
import type { ShownIdentity } from "./direct-request.ts";

/** Asks citadel for a certificate of `identity` with the token of `holder`, as an agent does. */
export async function requestCertificate(options: {
  readonly citadel: CertificateSource;
  readonly holder: CheckedWorkload;
  readonly identity: CheckedWorkload;
  readonly ttlMs: number;
}): Promise<ShownIdentity> {
  const { citadel, holder, identity, ttlMs } = options;
  const { grpc: address, rootFile, serverName } = citadel;
  const tokenFile = citadel.tokenFile({ name: holder.pod, namespace: holder.namespace });
  const sign = createCaClient({ address, rootFile, serverName, tokenFile });
  const keys = await generateKeyPair();
  const { namespace, serviceAccount } = identity;
  const uri = formatWorkloadIdentity({ trustDomain, namespace, serviceAccount });
  const { chain } = await sign(createCsr(keys, { names: { uris: [uri] } }), ttlMs);
  return { chain, key: exportPrivateKey(keys.privateKey).expose() };
}
