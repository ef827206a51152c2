import { bundleFor, createBundle, parseBundle } from "./bundle.ts";
import { makeCa, makeLeaf } from "./testing/authority.ts";

describe("createBundle()", () => {
  it("is the same for the same roots in any order, each once", async () => {
    const roots = (await Promise.all(["a", "b", "c"].map((name) => makeCa(name)))).map(
      ({ certificate }) => certificate,
    );
    const bundle = createBundle("cluster.local", roots);
    expect(createBundle("cluster.local", [...roots].reverse().concat(roots))).toEqual(bundle);
    expect(parseBundle("cluster.local", bundle.pem).version).toBe(bundle.version);
    expect(createBundle("cluster.local", roots.slice(1)).version).not.toBe(bundle.version);
  });

  it("refuses no root, a leaf, and a name that is no trust domain", async () => {
    const root = await makeCa("a");
    expect(() => createBundle("td", [])).toThrow("bundle of td: there is no root");
    const leaf = await makeLeaf(root);
    expect(() => createBundle("td", [leaf])).toThrow("is not a CA");
    expect(() => createBundle("TD", [root.certificate])).toThrow("trust domain");
  });
});

describe("bundleFor()", () => {
  it("gives a domain's own bundle, and no other", async () => {
    const bundle = createBundle("a", [(await makeCa("a")).certificate]);
    expect(bundleFor([bundle], "a")).toBe(bundle);
    expect(() => bundleFor([bundle], "b")).toThrow("no bundle of trust domain b, known are a");
  });
});
