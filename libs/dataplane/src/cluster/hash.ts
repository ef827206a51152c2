const mask = 0xffff_ffff_ffff_ffffn;
const prime1 = 0x9e37_79b1_85eb_ca87n;
const prime2 = 0xc2b2_ae3d_27d4_eb4fn;
const prime3 = 0x1656_67b1_9e37_79f9n;
const prime4 = 0x85eb_ca77_c2b2_ae63n;
const prime5 = 0x27d4_eb2f_1656_67c5n;

const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & mask;
const round = (acc: bigint, input: bigint) => (rotate((acc + input * prime2) & mask, 31n) * prime1) & mask;
const merge = (acc: bigint, value: bigint) => ((acc ^ round(0n, value)) * prime1 + prime4) & mask;

/** XXH64, the hash Envoy uses for consistent hashing. https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
export function xxHash64(text: string, seed = 0n): bigint {
  const data = Buffer.from(text);
  let offset = 0;
  let hash: bigint;
  if (data.length >= 32) {
    let a = (seed + prime1 + prime2) & mask;
    let b = (seed + prime2) & mask;
    let c = seed & mask;
    let d = (seed - prime1) & mask;
    for (; offset + 32 <= data.length; offset += 32) {
      a = round(a, data.readBigUInt64LE(offset));
      b = round(b, data.readBigUInt64LE(offset + 8));
      c = round(c, data.readBigUInt64LE(offset + 16));
      d = round(d, data.readBigUInt64LE(offset + 24));
    }
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & mask;
    for (const lane of [a, b, c, d]) hash = merge(hash, lane);
  } else {
    hash = (seed + prime5) & mask;
  }
  hash = (hash + BigInt(data.length)) & mask;
  for (; offset + 8 <= data.length; offset += 8) {
    hash = (rotate(hash ^ round(0n, data.readBigUInt64LE(offset)), 27n) * prime1 + prime4) & mask;
  }
  if (offset + 4 <= data.length) {
    hash =
      (rotate(hash ^ ((BigInt(data.readUInt32LE(offset)) * prime1) & mask), 23n) * prime2 + prime3) & mask;
    offset += 4;
  }
  for (; offset < data.length; offset++) {
    hash = (rotate(hash ^ ((BigInt(data.readUInt8(offset)) * prime5) & mask), 11n) * prime1) & mask;
  }
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask;
  return hash ^ (hash >> 32n);
}

/** A hash for a request that has none. */
export function randomHash(random: () => number): bigint {
  return (BigInt(Math.floor(random() * 0x1_0000_0000)) << 32n) | BigInt(Math.floor(random() * 0x1_0000_0000));
}
