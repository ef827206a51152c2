import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from "@peculiar/asn1-x509";

/** A subject, as far as Weft writes one. */
export interface SubjectName {
  readonly organization?: string;
  readonly commonName?: string;
}

const oids = { organization: "2.5.4.10", commonName: "2.5.4.3" } as const;
const shortNames: Readonly<Record<string, string>> = {
  "2.5.4.10": "O",
  "2.5.4.3": "CN",
  "2.5.4.11": "OU",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
};

/** A name of UTF-8 strings, in the order organization, common name. */
export function buildName(subject: SubjectName): Name {
  const parts = (["organization", "commonName"] as const).flatMap((key) => {
    const utf8String = subject[key];
    if (utf8String === undefined) return [];
    const value = new AttributeValue({ utf8String });
    return [new RelativeDistinguishedName([new AttributeTypeAndValue({ type: oids[key], value })])];
  });
  return new Name(parts);
}

/** `O=Weft, CN=root`, for people; empty for an empty name. Not escaped: never compare by it. */
export function formatName(name: Name): string {
  const parts = [...name].flatMap((rdn) => [...rdn]);
  return parts
    .map(({ type, value }) => `${shortNames[type] ?? type}=${value.toString().slice(0, 200)}`)
    .join(", ");
}
