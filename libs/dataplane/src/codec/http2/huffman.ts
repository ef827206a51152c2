/**
 * Bits of the code of each byte, and of the end of a string. The codes follow from their lengths: they are canonical, in order of
 * length, then of symbol. https://www.rfc-editor.org/rfc/rfc7541#appendix-B
 */
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const endOfString = 256;

/** What four bits lead to, from each state: the next state, a symbol that is complete with them, or nonsense. */
const emits = 1 << 16;
const fails = 1 << 17;

interface Machine {
  /** At `state * 16 + bits`: next state, symbol in the second byte, flags above. */
  readonly steps: Int32Array;
  /** States in which a string may end: what is left is less than a byte of ones. */
  readonly mayEnd: Uint8Array;
}

function buildMachine(): Machine {
  // A binary tree: children at 2n and 2n + 1; above zero an inner node, below zero a symbol, complemented.
  const tree: number[] = [0, 0];
  const symbols = codeLengths.map((length, symbol) => ({ length, symbol }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let bits = 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - bits);
    bits = length;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const at = node * 2 + (Math.floor(code / 2 ** bit) & 1);
      if (bit === 0) tree[at] = ~symbol;
      else {
        if (tree[at] === 0) {
          tree[at] = tree.length / 2;
          tree.push(0, 0);
        }
        node = tree[at] as number; // just set
      }
    }
    code++;
  }
  const states = tree.length / 2;
  const steps = new Int32Array(states * 16);
  for (let state = 0; state < states; state++)
    for (let nibble = 0; nibble < 16; nibble++) steps[state * 16 + nibble] = step(tree, state, nibble);
  const mayEnd = new Uint8Array(states);
  let node = 0;
  for (let depth = 0; depth < 8; depth++) {
    mayEnd[node] = 1;
    node = tree[node * 2 + 1] as number; // 30 ones are the longest code: seven lead to an inner node
  }
  return { steps, mayEnd };
}

function step(tree: readonly number[], state: number, nibble: number): number {
  let node = state;
  let result = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[node * 2 + ((nibble >> bit) & 1)] as number; // inner nodes have two children
    if (next >= 0) {
      node = next;
      continue;
    }
    if (~next === endOfString) return fails;
    result = emits | (~next << 8); // no code is shorter than five bits: at most one ends here
    node = 0;
  }
  return result | node;
}

const { steps, mayEnd } = buildMachine();

/** No byte takes less than five bits. */
export function maxDecodedBytes(encodedBytes: number): number {
  return Math.floor((encodedBytes * 8) / 5);
}

/**
 * Decodes bytes of `source` into `target`, which has room for {@link maxDecodedBytes}; gives how many came out, -1
 * where they make no sense. https://www.rfc-editor.org/rfc/rfc7541#section-5.2
 */
export function decodeHuffman(source: Buffer, start: number, end: number, target: Buffer): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = source[at] as number; // within the block
    const high = steps[(state << 4) | (byte >> 4)] as number;
    if (high >= emits) {
      if (high >= fails) return -1;
      target[length++] = (high >> 8) & 0xff;
    }
    const low = steps[((high & 0xff) << 4) | (byte & 15)] as number;
    if (low >= emits) {
      if (low >= fails) return -1;
      target[length++] = (low >> 8) & 0xff;
    }
    state = low & 0xff;
  }
  return mayEnd[state] === 1 ? length : -1;
}
