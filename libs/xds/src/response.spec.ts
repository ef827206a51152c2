import { fromBinary } from "@bufbuild/protobuf";
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import fc from "fast-check";
import { decodeResponse, ResponseDecodeError } from "./decode-response.ts";
import { createResponseEncoder, type ResponseContent } from "./response.ts";
import { resource, short } from "./testing/exchange.ts";

const content = (mode: "sotw" | "delta", size = 1): ResponseContent => ({
  mode,
  typeUrl: short.CDS,
  version: "v",
  resources: [
    resource("CDS", "a"),
    ...Array.from({ length: size }, (_, i) => resource("CDS", `c${i}`, "x".repeat(100))),
  ],
  removed: mode === "delta" ? ["gone"] : [],
});

describe("createResponseEncoder()", () => {
  it("encodes what the schemas of Envoy decode", () => {
    const encoder = createResponseEncoder({ controlPlane: "weft" });
    const sotw = fromBinary(DiscoveryResponseSchema, encoder.encode(content("sotw"), 0).bytes);
    expect(sotw).toMatchObject({
      versionInfo: "v",
      typeUrl: short.CDS,
      nonce: "1",
      controlPlane: { identifier: "weft" },
      resources: [{ typeUrl: short.CDS }, { typeUrl: short.CDS }],
    });
    const delta = fromBinary(DeltaDiscoveryResponseSchema, encoder.encode(content("delta"), 0).bytes);
    expect(delta).toMatchObject({
      systemVersionInfo: "v",
      typeUrl: short.CDS,
      nonce: "2",
      controlPlane: { identifier: "weft" },
      removedResources: ["gone"],
      resources: [
        { name: "a", version: resource("CDS", "a").version, resource: { typeUrl: short.CDS } },
        { name: "c0" },
      ],
    });
  });

  it.each(["sotw", "delta"] as const)("is read back by decodeResponse(): %s", (mode) => {
    const { bytes, nonce } = createResponseEncoder().encode(content(mode), 0);
    const { resources, removed } = content(mode);
    expect(decodeResponse(mode, bytes)).toMatchObject({
      typeUrl: short.CDS,
      version: "v",
      nonce,
      removed,
      resources: resources.map(({ name, version, typeUrl }) => ({ name, version, typeUrl })),
    });
  });

  it("gives streams the same buffer, but no stream the same nonce twice", () => {
    const encoder = createResponseEncoder();
    const first = encoder.encode(content("delta", 100), 0);
    expect(encoder.encode(content("delta", 100), 0)).toBe(first);
    const again = encoder.encode(content("delta", 100), first.number);
    expect(again.number).toBeGreaterThan(first.number);
    expect(encoder.encode(content("delta", 100), first.number)).toBe(again);
    expect(encoder.encode(content("delta", 99), 0).bytes).not.toEqual(first.bytes);
  });

  it("keeps no more than it may", () => {
    const encoder = createResponseEncoder({ maxCachedBytes: 40_000 });
    const first = encoder.encode(content("delta", 100), 0);
    encoder.encode(content("delta", 101), 0);
    encoder.encode(content("delta", 102), 0);
    encoder.encode(content("delta", 103), 0);
    expect(encoder.encode(content("delta", 100), 0)).not.toBe(first);
  });
});

describe("decodeResponse()", () => {
  it("reads a response or throws its own error, whatever the bytes", () => {
    const valid = createResponseEncoder().encode(content("delta", 2), 0).bytes;
    const broken = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = new Uint8Array(valid);
      copy[at] = byte;
      return copy;
    });
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 64 }), broken),
        fc.constantFrom("sotw", "delta"),
        (bytes, mode) => {
          try {
            decodeResponse(mode as "sotw" | "delta", bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(ResponseDecodeError);
          }
        },
      ),
    );
  });
});
