import { systemClock } from "@weft/base";
import { silentLogger } from "@weft/observability";
import { parseCertificates } from "@weft/pki";
import { joinBundles } from "./ca-bundle.ts";
import { keepCertificate } from "./certificate.ts";

describe("joinBundles()", () => {
  const makeRoot = async () => {
    const options = { dnsNames: ["x.svc"], ca: undefined, logger: silentLogger, clock: systemClock };
    const keeper = await keepCertificate(options);
    keeper.close();
    return keeper.current.roots;
  };
  const now = Date.now();
  const count = (bundle: string) => parseCertificates(bundle).length;

  it("adds its roots to those of others once, so that nobody takes another's away", async () => {
    const [a, b] = [await makeRoot(), await makeRoot()];
    const both = joinBundles(b, joinBundles(a, "", now), now);
    expect(both).toBe(b + a);
    expect(joinBundles(a, both, now)).toBe(both);
    expect(joinBundles(b, both, now)).toBe(both);
  });

  it("drops what has ended, what is no bundle, and the oldest of too many", async () => {
    const own = await makeRoot();
    const later = now + 91 * 86_400_000;
    expect(joinBundles(own, await makeRoot(), later)).toBe(own);
    expect(joinBundles(own, "no bundle", now)).toBe(own);
    let bundle = own;
    for (let index = 0; index < 8; index++) bundle = joinBundles(await makeRoot(), bundle, now);
    expect(count(bundle)).toBe(6);
    expect(bundle).not.toContain(own);
  });
});
