import { X509Certificate } from "node:crypto";
import { createTestAuthority } from "../tls/fixtures.ts";
import type { TlsMaterial } from "../tls/index.ts";
import { daysUntilFirstExpiry } from "./certs.ts";

const dayMs = 86_400_000;

describe("daysUntilFirstExpiry()", () => {
  it("counts whole days to the end of the first certificate or CA in use", async () => {
    const ca = await createTestAuthority();
    const certificate = async (days: number) =>
      new X509Certificate((await ca.issue({ hours: 24 * days })).chain);
    // Only what is looked at here.
    const material = (leaf: X509Certificate, caCertificates: readonly X509Certificate[] = []) =>
      ({ certificates: [{ certificates: [leaf] }], trust: { caCertificates } }) as unknown as TlsMaterial;
    const [two, three] = [await certificate(2.5), await certificate(3.5)];
    const now = Date.now();
    expect(daysUntilFirstExpiry([material(three), material(two)], now)).toBe(2);
    expect(daysUntilFirstExpiry([material(three, [two])], now)).toBe(2);
    expect(daysUntilFirstExpiry([material(two)], now + 9 * dayMs)).toBe(0);
    // As Envoy says where there is none: seen with 1.40.
    expect(daysUntilFirstExpiry([], now)).toBe(4_294_967_295);
  });
});
