import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash } from "@weft/base";
import type { EncodedResource } from "@weft/envoy-api";
import { frameHeadBytes, writeFrameHead } from "./framed.ts";
import type { XdsMode } from "./subscription.ts";

/** What goes into a response; it has no nonce yet. */
export interface ResponseContent {
  readonly mode: XdsMode;
  readonly typeUrl: string;
  readonly version: string;
  readonly resources: readonly EncodedResource[];
  /** Incremental only. */
  readonly removed: readonly string[];
}

/** An encoded `DiscoveryResponse` or `DeltaDiscoveryResponse`. */
export interface EncodedResponse {
  /** Number of the response; `nonce` spells it. */
  readonly number: number;
  readonly nonce: string;
  readonly bytes: Buffer;
  /** The bytes in the gRPC frame that goes to every stream. */
  readonly frame: Buffer;
}

/** Settings of {@link createResponseEncoder}. */
export interface ResponseEncoderOptions {
  /** Goes into `control_plane.identifier` of every response; none unless told. */
  readonly controlPlane?: string;
  /** Bound on the bytes of responses kept for further streams; 64 MiB unless told. Larger responses are not kept. */
  readonly maxCachedBytes?: number;
}

/** Puts responses together out of encoded resources. */
export interface ResponseEncoder {
  /**
   * The response with this content, the same buffer for every stream, as long as its number is above `after`: a stream
   * passes the number of the last one it sent of the type, and so never uses a nonce twice.
   */
  encode(content: ResponseContent, after: number): EncodedResponse;
  readonly cache: ResponseCache;
}

/** What is kept of responses for further streams, and how often that was of use. */
export interface ResponseCache {
  stats(): ResponseCacheStats;
  clear(): void;
}

/** Counts since the start, and what there is now. */
export interface ResponseCacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly entries: number;
  readonly bytes: number;
}

/** Smaller responses are put together faster than they are found. */
const minCachedBytes = 4096;

/**
 * Creates a {@link ResponseEncoder}. The resources' bytes are copied into place once; nothing is decoded or encoded again.
 * Numbers rise over all streams, which is what lets streams share a response, nonce and all.
 */
export function createResponseEncoder(options: ResponseEncoderOptions = {}): ResponseEncoder {
  const { controlPlane = "", maxCachedBytes = 64 * 1024 * 1024 } = options;
  // In order of use: the first is the one to go.
  const cache = new Map<string, EncodedResponse>();
  let cachedBytes = 0;
  const counts = { hits: 0, misses: 0, evictions: 0 };
  let last = 0;
  // The same content need not be measured and hashed to be found again; no key: it is not kept.
  const keys = new WeakMap<ResponseContent, { readonly key: string | undefined }>();
  const keyOf = (content: ResponseContent): string | undefined => {
    const known = keys.get(content);
    if (known !== undefined) return known.key;
    const size = content.resources.reduce((sum, resource) => sum + resource.any.length, 0);
    const key = size < minCachedBytes || size > maxCachedBytes ? undefined : contentKey(content);
    keys.set(content, { key });
    return key;
  };

  const encode = (content: ResponseContent): EncodedResponse => {
    const nonce = (++last).toString(36);
    const frame = encodeFrame(content, { nonce, controlPlane });
    return { number: last, nonce, frame, bytes: frame.subarray(frameHeadBytes) };
  };
  const drop = (key: string) => {
    cachedBytes -= cache.get(key)?.bytes.length ?? 0;
    cache.delete(key);
  };
  return {
    encode: (content, after) => {
      const key = keyOf(content);
      if (key === undefined) return encode(content);
      const cached = cache.get(key);
      const usable = cached !== undefined && cached.number > after;
      counts[usable ? "hits" : "misses"]++;
      const response = usable ? cached : encode(content);
      drop(key);
      cache.set(key, response);
      cachedBytes += response.bytes.length;
      for (const oldest of cache.keys()) {
        if (cachedBytes <= maxCachedBytes) break;
        drop(oldest);
        counts.evictions++;
      }
      return response;
    },
    cache: {
      stats: () => ({ ...counts, entries: cache.size, bytes: cachedBytes }),
      clear: () => {
        cache.clear();
        cachedBytes = 0;
      },
    },
  };
}

function contentKey(content: ResponseContent): string {
  const { mode, typeUrl, version, resources, removed } = content;
  const parts = [mode, typeUrl, version, removed.length, ...removed];
  for (const resource of resources) parts.push(resource.name, resource.version);
  return contentHash(parts.join("\0"));
}

/** Field numbers, of both messages where they agree; envoy/service/discovery/v3/discovery.proto. */
const field = { version: 1, resources: 2, typeUrl: 4, nonce: 5, removedResources: 6 } as const;
const controlPlaneField = { sotw: 6, delta: 7 } as const;
const resourceField = { version: 1, resource: 2, name: 3 } as const;
const controlPlaneIdentifierField = 1;

function encodeFrame(
  content: ResponseContent,
  { nonce, controlPlane }: { readonly nonce: string; readonly controlPlane: string },
): Buffer {
  const { mode, typeUrl, version, resources, removed } = content;
  const writer = new BinaryWriter().raw(new Uint8Array(frameHeadBytes));
  const scratch = new BinaryWriter();
  writer.tag(field.version, WireType.LengthDelimited).string(version);
  for (const resource of resources) {
    writer.tag(field.resources, WireType.LengthDelimited);
    if (mode === "sotw") writer.bytes(resource.any);
    else writeDeltaResource(writer, scratch, resource);
  }
  writer.tag(field.typeUrl, WireType.LengthDelimited).string(typeUrl);
  writer.tag(field.nonce, WireType.LengthDelimited).string(nonce);
  for (const name of removed) writer.tag(field.removedResources, WireType.LengthDelimited).string(name);
  if (controlPlane !== "") {
    writer.tag(controlPlaneField[mode], WireType.LengthDelimited).fork();
    writer.tag(controlPlaneIdentifierField, WireType.LengthDelimited).string(controlPlane).join();
  }
  const bytes = writer.finish();
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  writeFrameHead(frame);
  return frame;
}

/** An `envoy.service.discovery.v3.Resource`; the resource itself is copied only when the whole is finished. */
function writeDeltaResource(writer: BinaryWriter, scratch: BinaryWriter, resource: EncodedResource): void {
  const { name, version, any } = resource;
  const head = scratch
    .tag(resourceField.version, WireType.LengthDelimited)
    .string(version)
    .tag(resourceField.name, WireType.LengthDelimited)
    .string(name)
    .tag(resourceField.resource, WireType.LengthDelimited)
    .uint32(any.length)
    .finish();
  writer
    .uint32(head.length + any.length)
    .raw(head)
    .raw(any);
}
