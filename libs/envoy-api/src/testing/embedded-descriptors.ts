import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Fields of FileDescriptorProto; `syntax`, the last that Envoy's files have. */
const fields = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
const syntaxField = 12;

/**
 * The descriptors of .proto files that a C++ program carries: protobuf's generated code holds each as its encoded
 * bytes, which start with the file's name. Finds those whose name starts with a prefix.
 */
export function embeddedDescriptors(program: Buffer, prefix: string): readonly FileDescriptorProto[] {
  const found: FileDescriptorProto[] = [];
  for (let at = program.indexOf(prefix); at >= 0; at = program.indexOf(prefix, at + 1)) {
    const length = program[at - 1] ?? 0;
    // Field 1 (name), as a length-delimited value of less than 128 bytes.
    if (program[at - 2] !== 0x0a || length > 127) continue;
    if (!program.toString("latin1", at, at + length).endsWith(".proto")) continue;
    const descriptor = descriptorAt(program, at - 2);
    if (descriptor !== undefined) found.push(descriptor);
  }
  return found;
}

function descriptorAt(program: Buffer, start: number): FileDescriptorProto | undefined {
  const bytes = program.subarray(start, start + (1 << 20));
  const reader = new BinaryReader(bytes);
  try {
    for (let field = 0; field !== syntaxField; ) {
      const [next, type] = reader.tag();
      if (!fields.has(next) || type === WireType.StartGroup) return undefined;
      reader.skip(type, next);
      field = next;
    }
    return fromBinary(FileDescriptorProtoSchema, bytes.subarray(0, reader.pos));
  } catch {
    // A text that only looks like the start of a descriptor.
    return undefined;
  }
}
