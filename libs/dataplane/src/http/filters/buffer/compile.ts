import type {
  Buffer as BufferMessage,
  BufferPerRoute,
} from "@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer_pb.js";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import { type BufferConfig, createBufferFilter } from "./filter.ts";

const type = "envoy.extensions.filters.http.buffer.v3";

/** `envoy.filters.http.buffer`; routes may have another limit, or none. */
export const buffer: HttpFilterFactory = {
  name: "envoy.filters.http.buffer",
  configTypes: [`${type}.Buffer`],
  routeConfigTypes: [`${type}.BufferPerRoute`],
  compile: (message, { name }) => createBufferFilter(name, limitOf(message as BufferMessage)), // the registry goes by its type name
  compileRoute(message): BufferConfig {
    const { override } = message as BufferPerRoute; // likewise
    return override.case === "buffer" ? limitOf(override.value) : { maxBytes: undefined };
  },
};

const limitOf = ({ maxRequestBytes }: BufferMessage): BufferConfig => ({ maxBytes: maxRequestBytes ?? 0 });
