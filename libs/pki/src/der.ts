/**
 * Puts DER together from parts that are DER already: a tag, the length, the content. Values are encoded by the ASN.1 library; only what
 * joins them is written here, as the library takes a millisecond for a whole certificate. Nothing is ever read here.
 * https://www.itu.int/rec/T-REC-X.690, 8.1
 */
export function joinDer(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const octets: number[] = [];
  for (let rest = length; length > 0x7f && rest > 0; rest = Math.floor(rest / 256))
    octets.unshift(rest % 256);
  const head = octets.length === 0 ? [tag, length] : [tag, 0x80 | octets.length, ...octets];
  return Buffer.concat([Buffer.from(head), ...content]);
}

/** Tags that certificates need. */
export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0] EXPLICIT` and `[3] EXPLICIT`. */
  context0: 0xa0,
  context3: 0xa3,
} as const;

/** A positive INTEGER from its magnitude, big-endian: DER is signed, so a first bit that is set needs a zero before it, and zeros in front go. */
export function derInteger(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = first === -1 ? magnitude.subarray(0, 0) : magnitude.subarray(first);
  return joinDer(derTags.integer, Buffer.alloc((bytes[0] ?? 0x80) & 0x80 ? 1 : 0), bytes);
}

/** A time of whole seconds: UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function derTime(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  return new Date(ms).getUTCFullYear() < 2050
    ? joinDer(derTags.utcTime, Buffer.from(text.slice(2)))
    : joinDer(derTags.generalizedTime, Buffer.from(text));
}
