import { createFakeClock } from "@weft/base";
import { generateKeyPair, parseCertificate, Secret, verifyChain } from "@weft/pki";
import { createCertificateAuthority } from "../authority.ts";
import { createMemoryStorage, createTestAuthority, hour, start } from "../testing/authority.ts";
import { openRootStore } from "./store.ts";

const options = { trustDomain: "cluster.local", ttlMs: 1_000 * hour, clock: createFakeClock(start) };
const names = { uris: ["spiffe://cluster.local/ns/a/sa/b"] };

describe("openRootStore()", () => {
  it("makes a root once, and opens the same one again", async () => {
    const storage = createMemoryStorage();
    const first = await openRootStore({ storage, ...options });
    const again = await openRootStore({ storage, ...options });
    expect(again.state()).toEqual(first.state());
    expect(again.material().signer.certificate.fingerprint).toBe(
      first.material().signer.certificate.fingerprint,
    );
    expect([...storage.entries.keys()].sort()).toEqual([`root-${first.state().active}.pem`, "state.json"]);
  });

  it("agrees on one root where several start at once", async () => {
    const storage = createMemoryStorage();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openRootStore({ storage, ...options })));
    expect(new Set(stores.map((store) => store.state().active)).size).toBe(1);
    expect(storage.entries.size).toBe(2);
  });

  it("says what is missing or broken, and never makes a new root in its place", async () => {
    const storage = createMemoryStorage();
    const { active } = (await openRootStore({ storage, ...options })).state();
    const name = `root-${active}.pem`;
    const whole = storage.entries.get(name)!;
    storage.entries.delete(name);
    await expect(openRootStore({ storage, ...options })).rejects.toThrow(`memory: ${name} is missing`);
    storage.entries.set(name, new Secret(whole.expose().replace(/-----BEGIN PRIVATE.*/s, "")));
    await expect(openRootStore({ storage, ...options })).rejects.toThrow(`memory: ${name}: `);
    storage.entries.set("state.json", new Secret("{"));
    await expect(openRootStore({ storage, ...options })).rejects.toThrow("state of the root: not JSON");
  });
});

describe("a root's rotation", () => {
  it("keeps every leaf verifiable by the bundle of its step and of the one before", async () => {
    const { authority, clock } = await createTestAuthority();
    const { publicKey } = await generateKeyPair();
    const leaf = () => parseCertificate(authority.issue({ publicKey, names, ttlMs: hour }).certificate);
    const seen: { leaf: ReturnType<typeof leaf>; roots: ReturnType<typeof authority.bundle>["roots"] }[] = [];
    const look = () => seen.push({ leaf: leaf(), roots: authority.bundle().roots });
    let changes = 0;
    authority.onChange(() => changes++);
    look();
    for (const step of ["begin", "switch", "back", "switch", "finish"] as const) {
      await authority.rotate(step);
      look();
    }
    expect(changes).toBe(5);
    const verify = (one: number, by: number) =>
      verifyChain(seen[one]!.leaf, {
        intermediates: [],
        roots: seen[by]!.roots,
        now: clock.now(),
        purpose: "server",
      });
    for (let step = 1; step < seen.length; step++) {
      verify(step, step);
      verify(step, step - 1);
      verify(step - 1, step - 1);
    }
    expect(seen.map(({ roots }) => roots.length)).toEqual([1, 2, 2, 2, 2, 1]);
    // The old root is gone for good: what it signed is not taken any more.
    expect(() => verify(0, 5)).toThrow("no root or intermediate issued it");
    expect(() => verify(3, 5)).toThrow("no root or intermediate issued it");
  });

  it("goes on where it stood after a restart, at every step", async () => {
    const { authority, storage } = await createTestAuthority();
    for (const step of ["begin", "switch", "finish"] as const) {
      await authority.rotate(step);
      const store = await openRootStore({ storage, ...options });
      const again = createCertificateAuthority({
        trustDomain: "cluster.local",
        source: { kind: "self-signed", store },
        clock: options.clock,
      });
      expect(again.bundle().version).toBe(authority.bundle().version);
      expect(again.signer().fingerprint).toBe(authority.signer().fingerprint);
      expect(again.rotation()).toBe(authority.rotation());
    }
    expect(storage.entries.size).toBe(2);
  });

  it("stays where it is when the step cannot be stored", async () => {
    const { authority, storage } = await createTestAuthority();
    await authority.rotate("begin");
    const { version } = authority.bundle();
    const { fingerprint } = authority.signer();
    storage.beforeChange = () => {
      throw new Error("disk full");
    };
    await expect(authority.rotate("switch")).rejects.toThrow("disk full");
    expect(authority.rotation()).toBe("distributing");
    expect(authority.bundle().version).toBe(version);
    expect(authority.signer().fingerprint).toBe(fingerprint);
    storage.beforeChange = () => {};
    await authority.rotate("abort");
    expect(storage.entries.size).toBe(2);
  });

  it("takes steps one after another, and refuses those that do not follow", async () => {
    const { authority, storage } = await createTestAuthority();
    const results = await Promise.allSettled([
      authority.rotate("begin"),
      authority.rotate("begin"),
      authority.rotate("switch"),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(authority.rotation()).toBe("switched");
    // No key was made for the step that was refused.
    expect(storage.entries.size).toBe(3);
  });
});
