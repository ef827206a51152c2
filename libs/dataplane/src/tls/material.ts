import { TransportSocketError } from "./error.ts";
import type { SecretRef, SecretValue, TlsMaterial, TlsSettings } from "./secret.ts";
import type { SecretStore } from "./secret-store.ts";

/**
 * Gives what handshakes need at present: the same object while no secret changes.
 * @throws {TransportSocketError} `secrets-not-ready`
 */
export function createMaterialSource(settings: TlsSettings, store: SecretStore): () => TlsMaterial {
  let known: TlsMaterial | undefined;
  let knownValues: readonly SecretValue[] = [];
  const need = (ref: SecretRef) => {
    const value = store.get(ref);
    if (value !== undefined) return value;
    throw new TransportSocketError("secrets-not-ready", `secret ${ref.name} is not there`);
  };
  return () => {
    const values = settings.secrets.map(need);
    if (known !== undefined && values.every((value, index) => value === knownValues[index])) return known;
    known = build(settings, need);
    knownValues = values;
    return known;
  };
}

function build(settings: TlsSettings, need: (ref: SecretRef) => SecretValue): TlsMaterial {
  const wrongKind = ({ name }: SecretRef, wanted: string) =>
    new TransportSocketError("secrets-not-ready", `secret ${name} is no ${wanted}`);
  const certificates = settings.certificates.map((one) => {
    if ("kind" in one) return one;
    const value = need(one);
    if (value.kind !== "certificate") throw wrongKind(one, "certificate");
    return value;
  });
  const { trust } = settings;
  if (trust === undefined || trust.kind === "fixed") return { certificates, trust: trust?.rules };
  const value = need(trust.ref);
  if (value.kind !== "validation") throw wrongKind(trust.ref, "validation context");
  return { certificates, trust: trust.compile(value) };
}
