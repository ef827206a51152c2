import { renameSync, writeFileSync } from "node:fs";
import type { CertificateAuthority } from "../authority.ts";

/** Name of the file in a folder of state; Istio's name for it wherever workloads find it. */
export const rootFileName = "root-cert.pem";

/**
 * Keeps the roots to trust now in a file, PEM: what agents of this machine verify the CA by. It is replaced as a whole when the roots change; the
 * function returned ends that. Throws where the file cannot be written.
 */
export function keepRootFile(file: string, authority: CertificateAuthority): () => void {
  let written: string | undefined;
  const write = () => {
    const pem = authority.rootsPem();
    if (pem === written) return;
    const draft = `${file}.new`;
    writeFileSync(draft, pem, { mode: 0o600 });
    renameSync(draft, file);
    written = pem;
  };
  write();
  return authority.onChange(write);
}
