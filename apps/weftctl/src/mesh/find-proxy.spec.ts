import { findPilot, findProxy } from "./find-proxy.ts";

const mesh = {
  pilot: { http: "127.1.0.1:8080", grpc: "127.1.0.1:15010" },
  proxies: [
    "reviews-v1-1.default",
    "reviews-v2-1.default",
    "web-1.default",
    "web-1.other",
    "gateway-1.istio-system",
  ].map((name, index) => ({ name, admin: `127.1.0.${index}:15000` })),
};

describe("findProxy()", () => {
  it.each([
    ["reviews-v1-1.default", "reviews-v1-1.default"],
    ["web-1", "web-1.default"],
    ["gateway-1", "gateway-1.istio-system"],
    ["reviews-v2", "reviews-v2-1.default"],
    ["web.other", "web-1.other"],
  ])("finds %s: %s", (name, found) => {
    expect(findProxy(mesh, name, undefined).name).toBe(found);
  });

  it.each([
    ["reviews", "reviews may be reviews-v1-1.default or reviews-v2-1.default"],
    [
      "nope",
      "no proxy nope in the mesh; there is reviews-v1-1.default, reviews-v2-1.default, web-1.default, web-1.other, gateway-1.istio-system",
    ],
    [undefined, "name a proxy (POD[.NAMESPACE]), or its admin API with --proxy-admin HOST:PORT"],
  ])("says of %s: %s", (name, message) => {
    expect(() => findProxy(mesh, name, undefined)).toThrow(message);
  });

  it("takes an address without a mesh", () => {
    expect(findProxy(undefined, undefined, "127.0.0.1:15000")).toEqual({
      name: "127.0.0.1:15000",
      admin: "127.0.0.1:15000",
    });
    expect(() => findProxy(undefined, "web", undefined)).toThrow("no mesh found to look for web in");
  });
});

describe("findPilot()", () => {
  it("prefers the address given", () => {
    expect(findPilot(mesh, "pilot:8080")).toBe("pilot:8080");
    expect(findPilot(mesh, undefined)).toBe("127.1.0.1:8080");
    expect(() => findPilot(undefined, undefined)).toThrow("no mesh found");
  });
});
