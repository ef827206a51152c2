import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { TransportSocket } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { merged, mergedAny } from "./merge.ts";
import type { Patch } from "./patch.ts";

/** What the filters of listeners, chains and connection managers have in common, and transport sockets. */
export interface Extension extends Message {
  name: string;
  configType: { case: string; value: unknown } | { case: undefined; value?: undefined };
}

function typedConfigOf({ configType }: Extension): Any | undefined {
  return configType.case === "typedConfig" ? (configType.value as Any) : undefined;
}

/**
 * A filter with a patch's value merged in: their configurations by their type.
 * @throws where the configurations are of different types
 */
export function mergedFilter<F extends Extension>(schema: DescMessage, filter: F, { value }: Patch): F {
  const patch = value as Extension | undefined; // the value of a filter's patch is a filter
  if (patch === undefined) return filter;
  const result = merged<F>(schema, filter, patch);
  const own = typedConfigOf(filter);
  const given = typedConfigOf(patch);
  if (own && given) result.configType = { case: "typedConfig", value: mergedAny(own, given) };
  return result;
}

/**
 * A transport socket with another of its name merged in; of another name it takes its place.
 * @throws where the configurations are of different types
 */
export function mergedSocket(
  schema: DescMessage,
  own: TransportSocket,
  given: TransportSocket,
): TransportSocket {
  if (own.name !== given.name) return given;
  const result = merged(schema, own, given);
  const ownConfig = typedConfigOf(own as Extension);
  const givenConfig = typedConfigOf(given as Extension);
  if (ownConfig && givenConfig)
    result.configType = { case: "typedConfig", value: create(AnySchema, mergedAny(ownConfig, givenConfig)) };
  return result;
}
