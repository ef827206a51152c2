import { parseCertificates } from "./certificates.ts";

const entry = (uri: string, serial: string, ends: string) => ({
  ca_cert: [{ serial_number: "1" }],
  cert_chain: [
    {
      serial_number: serial,
      subject_alt_names: [{ uri }],
      valid_from: "2026-01-01T00:00:00Z",
      expiration_time: ends,
    },
    { serial_number: "9", expiration_time: "2036-01-01T00:00:00Z" },
  ],
});
const own = "spiffe://cluster.local/ns/default/sa/web";

describe("parseCertificates()", () => {
  it("finds the newest certificate of the workload among those of all contexts", () => {
    const certificates = [
      entry(own, "a", "2026-01-02T00:00:00Z"),
      entry(own, "b", "2026-01-02T12:00:00Z"),
      entry("https://other.example", "c", "2036-01-01T00:00:00Z"),
      { ca_cert: [], cert_chain: [] },
    ];
    expect(parseCertificates(JSON.stringify({ certificates }))).toEqual({
      identity: own,
      serialNumber: "b",
      notBefore: Date.UTC(2026, 0, 1),
      notAfter: Date.UTC(2026, 0, 2, 12),
    });
  });

  it("finds none where there is none", () => {
    expect(parseCertificates("{}")).toBeUndefined();
    expect(parseCertificates('{"certificates":[]}')).toBeUndefined();
  });
});
