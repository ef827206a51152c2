import type { Forward, Route, VirtualHost } from "../ir/index.ts";
import { toVirtualHost } from "../routes/to-envoy.ts";
import { checkVirtualHost, soundHosts } from "./check-virtual-host.ts";

const guilty = {
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  name: "guilty",
  namespace: "x",
};
const service = { apiVersion: "v1", kind: "Service", name: "web", namespace: "x" };

const forward: Forward = {
  kind: "forward",
  destinations: [{ backend: "a", weight: 1 }],
  timeoutMs: 0,
  grpcTimeout: { kind: "max", ms: 0 },
  hash: [],
  mirrors: [],
};
const route = (changes: Partial<Route> = {}): Route => ({
  name: "r",
  match: { path: { kind: "prefix", value: "/" }, headers: [], queryParameters: [] },
  action: forward,
  config: guilty,
  ...changes,
});
const host = (...routes: Route[]): VirtualHost => ({
  name: "web:80",
  domains: ["web"],
  routes,
  countAttempts: true,
  requireTls: false,
  origin: [service],
});
const check = (changes: Partial<Route>) => {
  const made = host(route({ config: { ...guilty, name: "sound" } }), route(changes));
  return checkVirtualHost(made, toVirtualHost(made));
};
const changed = (value: string, name = "x-a") => ({
  requestHeaders: { set: [{ name, value }], add: [], remove: [] },
});

describe("checkVirtualHost()", () => {
  it.each([
    ["nothing special", {}],
    ["a regex", { match: { path: { kind: "regex", value: "/a.*" }, headers: [], queryParameters: [] } }],
    ["commands", changed("%REQ(:path)% %DOWNSTREAM_REMOTE_ADDRESS% 50%%")],
    ["a command with arguments of its own", changed("%START_TIME(%Y-%m)%")],
  ] satisfies [string, Partial<Route>][])("takes %s", (_, changes) => {
    expect(check(changes)).toBeUndefined();
  });

  it.each([
    [
      "a regex that RE2 refuses",
      { match: { path: { kind: "regex", value: "(" }, headers: [], queryParameters: [] } },
      "routes[1].match.safe_regex: ",
    ],
    [
      "a header regex that RE2 refuses",
      {
        match: {
          path: { kind: "prefix", value: "/" },
          headers: [{ name: "x-a", value: { kind: "regex", value: "(?=a)" }, invert: false }],
          queryParameters: [],
        },
      },
      "routes[1].match x-a: ",
    ],
    [
      "a substitution without its group",
      { action: { ...forward, rewrite: { regex: { pattern: "a", substitution: "\\1" } } } },
      "routes[1].route.regex_rewrite: ",
    ],
    ["a lone percent sign", changed("50%"), 'x-a: "50%" is no format string'],
    ["a pseudo header", changed("v", ":path"), ":path may not be changed"],
    [
      "weights of nothing",
      {
        action: {
          ...forward,
          destinations: [
            { backend: "a", weight: 0 },
            { backend: "b", weight: 0 },
          ],
        },
      },
      "the weights add up to 0",
    ],
    [
      "what the API's rules forbid",
      { action: { kind: "direct-response", status: 42 } },
      "routes[1].direct_response.status: ",
    ],
  ] satisfies [string, Partial<Route>, string][])("finds %s, and whose it is", (_, changes, reason) => {
    const found = check(changes);
    expect(found?.reason).toContain(reason);
    expect(found?.origin[0]).toEqual(guilty);
    expect(found?.origin.at(-1)).toEqual(service);
  });
});

describe("soundHosts()", () => {
  it("leaves out who has a domain or a name of another, who comes first has it", () => {
    const first = { ...host(), name: "a", domains: ["A.com"] };
    const clash = { ...host(), name: "b", domains: ["b.com", "a.com"] };
    const twin = { ...host(), name: "a", domains: ["c.com"] };
    const last = { ...host(), name: "d", domains: ["b.com"] };
    const { sound, rejected } = soundHosts([first, clash, twin, last], () => undefined);
    expect(sound).toEqual([first, last]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      "domains: a.com is a domain of virtual host a already",
      "name: there is a virtual host a already",
    ]);
  });
});
