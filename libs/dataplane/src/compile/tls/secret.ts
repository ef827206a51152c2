import { createPrivateKey, hash, type KeyObject } from "node:crypto";
import {
  type TlsCertificate as TlsCertificateMessage,
  TlsCertificateSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { Secret } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { SecretValue, TlsCertificate } from "../../tls/index.ts";
import { checkFields } from "../check-fields.ts";
import { type Compiled, compiled, Problems } from "../problems.ts";
import { filePath, parseCertificates, type ReadFile, readSource } from "./data-source.ts";
import { compileTrust } from "./trust.ts";

/** Compiles a secret as SDS sends it: a certificate with its key, or whom to trust. No message names key material. */
export function compileSecret({ type }: Secret, readFile: ReadFile): Compiled<SecretValue> {
  const problems = new Problems();
  switch (type.case) {
    case "tlsCertificate":
      return compiled(compileCertificate(type.value, "tls_certificate", readFile, problems), problems);
    case "validationContext": {
      const { trustedCa, crl } = type.value;
      // Compiled to find what is wrong with it; who refers to it compiles it with rules of its own.
      compileTrust(type.value, "validation_context", readFile, problems, { partial: true });
      const paths = [trustedCa, crl].flatMap(filePath);
      return compiled<SecretValue>({ kind: "validation", message: type.value, paths }, problems);
    }
    default:
      problems.error("type", "not-implemented", "needs tls_certificate or validation_context");
      return { problems: problems.list };
  }
}

/** Compiles a certificate with its key; reports what is wrong without showing any of it. */
export function compileCertificate(
  message: TlsCertificateMessage,
  path: string,
  readFile: ReadFile,
  problems: Problems,
): TlsCertificate | undefined {
  problems.add(checkFields(TlsCertificateSchema, message, path));
  const chain = readSource(message.certificateChain, `${path}.certificate_chain`, readFile, problems);
  const keyText = readSource(message.privateKey, `${path}.private_key`, readFile, problems);
  const password = message.password && readSource(message.password, `${path}.password`, readFile, problems);
  if (chain === undefined || keyText === undefined) {
    if (message.certificateChain === undefined || message.privateKey === undefined)
      problems.error(path, "missing", "needs certificate_chain and private_key");
    return undefined;
  }
  const certificates = parseCertificates(chain, `${path}.certificate_chain`, problems);
  const key = parseKey(keyText, password, `${path}.private_key`, problems);
  const [leaf, ...rest] = certificates;
  if (leaf === undefined || key === undefined) return undefined;
  if (!leaf.checkPrivateKey(key)) {
    problems.error(`${path}.private_key`, "mismatch", "is not the key of the certificate");
    return undefined;
  }
  return {
    kind: "certificate",
    certificates: [leaf, ...rest],
    key,
    id: hash("sha256", Buffer.concat(certificates.map(({ raw }) => raw)), "hex"),
    paths: [message.certificateChain, message.privateKey].flatMap(filePath),
  };
}

function parseKey(
  text: string,
  password: string | undefined,
  path: string,
  problems: Problems,
): KeyObject | undefined {
  try {
    return createPrivateKey({ key: text, ...(password !== undefined && { passphrase: password }) });
  } catch {
    // OpenSSL's words could tell of the key.
    problems.error(path, "malformed", "is no private key in PEM that can be read");
    return undefined;
  }
}
