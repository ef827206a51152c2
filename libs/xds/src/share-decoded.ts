import { contentHash } from "@weft/base";

/** Settings of {@link shareDecoded}. */
export interface ShareDecodedOptions {
  /** Smaller messages are decoded faster than they are found; 2,048 bytes unless told. */
  readonly minBytes?: number;
  /** Messages kept; 16 unless told. */
  readonly maxMessages?: number;
}

/**
 * Decodes equal messages once. Proxies that see the same view ask for the same: for the endpoints of all clusters, a name each.
 * What is returned is shared and must not be changed.
 */
export function shareDecoded<T>(
  decode: (data: Buffer) => T,
  { minBytes = 2_048, maxMessages = 16 }: ShareDecodedOptions = {},
): (data: Buffer) => T {
  // In order of use: the first is the one to go.
  const decoded = new Map<string, T>();
  return (data) => {
    if (data.length < minBytes) return decode(data);
    const key = contentHash(data);
    const message = decoded.get(key) ?? decode(data);
    decoded.delete(key);
    decoded.set(key, message);
    const [oldest] = decoded.keys();
    if (decoded.size > maxMessages && oldest !== undefined) decoded.delete(oldest);
    return message;
  };
}
