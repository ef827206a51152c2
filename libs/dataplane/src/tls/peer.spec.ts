import { X509Certificate } from "node:crypto";
import { createTestAuthority } from "./fixtures.ts";
import { judgePeer } from "./peer.ts";
import type { TrustRules } from "./secret.ts";

const hour = 3_600_000;

describe("judgePeer()", () => {
  const trust = (ca: string, more: Partial<TrustRules> = {}): TrustRules => ({
    ca,
    caCertificates: [],
    caPath: "",
    crl: undefined,
    matchesNames: undefined,
    matchesPins: undefined,
    ...more,
  });

  it("looks at the time once more, as a resumed session has the verdict of an earlier handshake", async () => {
    const ca = await createTestAuthority();
    const certificate = new X509Certificate((await ca.issue({ hours: 1 })).chain);
    const judge = (now: number) => judgePeer(certificate, null, trust(ca.root), now)?.code;
    expect(judge(Date.now())).toBeUndefined();
    expect(judge(Date.now() + 2 * hour)).toBe("untrusted");
    expect(judge(Date.now() - 60 * hour)).toBe("untrusted");
  });

  it("refuses by the first of: the chain, the name, the pin", async () => {
    const ca = await createTestAuthority();
    const certificate = new X509Certificate((await ca.issue()).chain);
    const no = () => false;
    const judge = (error: Error | null, more: Partial<TrustRules>) =>
      judgePeer(certificate, error, trust(ca.root, more), Date.now())?.code;
    expect(judge(new Error("unable to verify"), { matchesNames: no, matchesPins: no })).toBe("untrusted");
    expect(judge(null, { matchesNames: no, matchesPins: no })).toBe("wrong-name");
    expect(judge(null, { matchesPins: no })).toBe("not-pinned");
  });
});
