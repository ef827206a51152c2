import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { contentHash } from "@weft/base";
import type { EncodedResource } from "@weft/envoy-api";
import type { XdsMode } from "./subscription.ts";

/** A resource as a response holds it. Its bytes are views of the response: copy what should outlive it. */
export interface ReceivedResource extends EncodedResource {
  /** The encoded message inside `any`. */
  readonly value: Uint8Array;
}

/** A `DiscoveryResponse` or `DeltaDiscoveryResponse`, taken apart no further than the client needs. */
export interface ReceivedResponse {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

/** A response that is not what it should be. */
export class ResponseDecodeError extends Error {
  override readonly name = "ResponseDecodeError";
}

/**
 * Takes a response apart. Of the resources themselves nothing is decoded but, in a state-of-the-world response, the name.
 *
 * @throws ResponseDecodeError for bytes that are not a response.
 */
export function decodeResponse(mode: XdsMode, bytes: Uint8Array): ReceivedResponse {
  try {
    const fields = readFields(bytes);
    const typeUrl = fields.text(4);
    const resources = fields.all(2).map((entry) => (mode === "sotw" ? fromAny(entry) : fromResource(entry)));
    const removed = mode === "delta" ? fields.all(6).map(decodeText) : [];
    return { typeUrl, version: fields.text(1), nonce: fields.text(5), resources, removed };
  } catch (cause) {
    throw new ResponseDecodeError(
      `not a discovery response: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
}

const wrapperUrl = "type.googleapis.com/envoy.service.discovery.v3.Resource";

/** A resource without its wrapper: the name is its first field, in every type that there is. */
function fromAny(any: Uint8Array): ReceivedResource {
  const fields = readFields(any);
  const typeUrl = fields.text(1);
  const value = fields.bytes(2);
  // A server may wrap what it sends, to give a name to what has none. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#time-to-live-ttl
  if (typeUrl === wrapperUrl) return fromResource(value);
  return { name: readFields(value).text(1), typeUrl, any, value, version: contentHash(any), origin: [] };
}

/** An `envoy.service.discovery.v3.Resource`. */
function fromResource(resource: Uint8Array): ReceivedResource {
  const fields = readFields(resource);
  const any = fields.bytes(2);
  const inner = readFields(any);
  const version = fields.text(1) || contentHash(any);
  return { name: fields.text(3), typeUrl: inner.text(1), any, value: inner.bytes(2), version, origin: [] };
}

/** The length-delimited fields of one message, by number. */
interface Fields {
  all(number: number): readonly Uint8Array[];
  /** The last one, as protobuf has it; empty where there is none. */
  bytes(number: number): Uint8Array;
  text(number: number): string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const decodeText = (bytes: Uint8Array) => utf8.decode(bytes);

function readFields(message: Uint8Array): Fields {
  const reader = new BinaryReader(message);
  const values = new Map<number, Uint8Array[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type !== WireType.LengthDelimited) {
      reader.skip(type, number);
      continue;
    }
    const value = reader.bytes();
    const others = values.get(number);
    if (others === undefined) values.set(number, [value]);
    else others.push(value);
  }
  const all = (number: number) => values.get(number) ?? [];
  const bytes = (number: number) => all(number).at(-1) ?? empty;
  return { all, bytes, text: (number) => decodeText(bytes(number)) };
}

const empty = new Uint8Array();
