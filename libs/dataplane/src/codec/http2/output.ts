/** A buffer that grows at its end. */
export class Output {
  bytes: Buffer;
  length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for `count` bytes more. */
  ensure(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** A frame header; room for it is the caller's to ensure. */
  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    bytes[at++] = type;
    bytes[at++] = flags;
    this.length = at;
    this.uint32(streamId);
  }

  uint32(value: number): void {
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = value >>> 24;
    bytes[at++] = value >>> 16;
    bytes[at++] = value >>> 8;
    bytes[at++] = value;
    this.length = at;
  }

  /** Latin1, as header values are. */
  text(value: string): void {
    const { length } = value;
    if (length > 32) {
      this.length += this.bytes.write(value, this.length, "latin1");
      return;
    }
    const { bytes } = this;
    const at = this.length;
    for (let i = 0; i < length; i++) bytes[at + i] = value.charCodeAt(i);
    this.length = at + length;
  }
}
