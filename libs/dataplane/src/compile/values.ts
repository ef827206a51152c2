import { create, type DescMessage, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyIs, type Duration } from "@bufbuild/protobuf/wkt";
import { contentHash } from "@weft/base";
import { typeNameOf, unpackAny } from "@weft/envoy-api";
import type {
  Address,
  CidrRange as CidrRangeMessage,
} from "@weft/envoy-api/envoy/config/core/v3/address_pb.js";
import type { CidrRange } from "@weft/matching";
import type { SocketAddress } from "../runtime/connection.ts";
import { checkFields } from "./check-fields.ts";
import type { Problems } from "./problems.ts";

/** A duration in milliseconds. */
export function durationMs(duration: Duration | undefined, otherwise: number): number {
  return duration === undefined ? otherwise : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

/** A duration in milliseconds; undefined where it is not given. */
export function optionalMs(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration, 0);
}

/** Content hash of a message: equal messages, equal versions. */
export function versionOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): string {
  return contentHash(toBinary(schema, message));
}

/** An address that connections can be made to or taken at; reports others. */
export function compileAddress(
  address: Address | undefined,
  path: string,
  problems: Problems,
): SocketAddress | undefined {
  switch (address?.address.case) {
    case "socketAddress": {
      const { address: ip, portSpecifier, protocol } = address.address.value;
      if (protocol !== 0) {
        problems.error(`${path}.socket_address.protocol`, "not-implemented", "only TCP is served");
      }
      if (portSpecifier.case === "namedPort") {
        problems.error(`${path}.socket_address.named_port`, "not-implemented", "give the port as port_value");
      }
      return { address: ip, port: portSpecifier.case === "portValue" ? portSpecifier.value : 0 };
    }
    case "pipe":
      return { address: address.address.value.path, port: 0 };
    case undefined:
      problems.error(path, "missing", "an address is needed: socket_address or pipe");
      return undefined;
    default:
      problems.error(
        path,
        "not-implemented",
        "this kind of address is not implemented, use socket_address or pipe",
      );
      return undefined;
  }
}

/** Address blocks; a prefix length that is not given is 0, as in Envoy. */
export function compileRanges(ranges: readonly CidrRangeMessage[]): CidrRange[] {
  return ranges.map(({ addressPrefix, prefixLen }) => ({
    address: addressPrefix,
    prefixLength: prefixLen ?? 0,
  }));
}

/**
 * Unpacks an Any that must be of one type, and checks its fields. An absent Any gives the type's defaults; one that is
 * of another type or cannot be read is reported.
 */
export function unpackAs<Desc extends DescMessage>(
  schema: Desc,
  any: Any | undefined,
  path: string,
  problems: Problems,
): MessageShape<Desc> | undefined {
  if (any === undefined) return create(schema);
  if (!anyIs(any, schema)) {
    problems.error(
      path,
      "wrong-type",
      `is of type ${any.typeUrl}, needed is type.googleapis.com/${schema.typeName}`,
    );
    return undefined;
  }
  return unpackKnown(any, path, problems) as MessageShape<Desc> | undefined; // its type was compared above
}

/** Unpacks an Any of whatever known type, and checks its fields. */
export function unpackKnown(any: Any, path: string, problems: Problems): Message | undefined {
  try {
    const unpacked = unpackAny(any);
    if (unpacked !== undefined) {
      problems.add(checkFields(unpacked.schema, unpacked.message, path));
      return unpacked.message;
    }
    problems.error(path, "unknown-extension", `type ${any.typeUrl} is not known`);
  } catch (error) {
    problems.error(path, "malformed", `is no ${typeNameOf(any.typeUrl)}: ${String(error)}`);
  }
  return undefined;
}

/** Says that an extension is not compiled into this proxy, as Envoy would. */
export function reportUnknownExtension(
  problems: Problems,
  path: string,
  extension: { readonly name: string; readonly typeUrl: string | undefined },
  known: readonly string[],
): void {
  problems.error(
    path,
    "unknown-extension",
    `didn't find a registered implementation for '${extension.name}' with type URL: '${typeNameOf(extension.typeUrl ?? "")}', known are ${known.join(", ")}`,
  );
}
