import { create } from "@bufbuild/protobuf";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "@weft/mesh-rpc";
import { createCertificateMethod } from "./grpc.ts";

/** The bytes are those that Istio's agents send and take: security/v1alpha1/ca.proto of istio/api. */
describe("createCertificateMethod", () => {
  it("has Istio's path", () => {
    expect(createCertificateMethod.path).toBe("/istio.v1.auth.IstioCertificateService/CreateCertificate");
  });

  it("reads and writes Istio's request: csr 1, validity_duration 3, metadata 4", () => {
    const bytes = Buffer.concat([
      Buffer.from([0x0a, 3]),
      Buffer.from("csr"),
      Buffer.from([0x18, 0x80, 0xa3, 0x05]),
      Buffer.from([0x22, 0x0a, 0x0a, 0x08, 0x0a, 0x01]),
      Buffer.from("k"),
      Buffer.from([0x12, 0x03, 0x1a, 0x01]),
      Buffer.from("v"),
    ]);
    const request = createCertificateMethod.requestDeserialize(bytes);
    expect(request).toEqual(
      create(IstioCertificateRequestSchema, { csr: "csr", validityDuration: 86_400n, metadata: { k: "v" } }),
    );
    expect(createCertificateMethod.requestSerialize(request).equals(bytes)).toBe(true);
  });

  it("writes Istio's response: cert_chain 1", () => {
    const response = create(IstioCertificateResponseSchema, { certChain: ["a", "b"] });
    expect(createCertificateMethod.responseSerialize(response).toString("hex")).toBe("0a01610a0162");
  });
});
