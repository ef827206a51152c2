import { parseInjectPath } from "./inject-path.ts";

describe("parseInjectPath()", () => {
  it.each([
    ["/inject", {}],
    ["/inject/", {}],
    ["/inject/cluster/east", { ISTIO_META_CLUSTER_ID: "east" }],
    ["/inject/cluster/east/net/n1/", { ISTIO_META_CLUSTER_ID: "east", ISTIO_META_NETWORK: "n1" }],
    ["/inject/net/a--slash--b", { ISTIO_META_NETWORK: "a/b" }],
    ["/inject/custom/x", { CUSTOM: "x" }],
    ["/inject/cluster", {}],
    ["/inject/cluster/east/net", { ISTIO_META_CLUSTER_ID: "east" }],
    ["/inject/:ENV:cluster=a/b:ENV:OTHER=:ENV:=x:ENV:bare", { ISTIO_META_CLUSTER_ID: "a/b", OTHER: "" }],
    ["/inject/one/two/three/:ENV:a=b", { ONE: "two", THREE: ":ENV:a=b" }],
  ])("%s", (path, wanted) => {
    expect(parseInjectPath(path)).toEqual(wanted);
  });
});
