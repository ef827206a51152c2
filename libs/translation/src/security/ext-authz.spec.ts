import { create, toJson } from "@bufbuild/protobuf";
import { ExtAuthzSchema } from "@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { ExternalAuthorizer } from "../ir/index.ts";
import { toHttpExtAuthz } from "./ext-authz.ts";

const authorizer: ExternalAuthorizer = {
  rulePrefix: "istio-ext-authz-ours",
  backend: "outbound|9000||authorizer.example.com",
  host: "authorizer.example.com",
  timeoutMs: 2000,
  failOpen: false,
  clearRouteCache: true,
  protocol: {
    kind: "http",
    pathPrefix: "/check",
    requestHeaders: [{ kind: "prefix", value: "x-", ignoreCase: true }],
    addedHeaders: [["x-from", "mesh"]],
    upstreamOnAllow: [{ kind: "exact", value: "x-user", ignoreCase: true }],
    downstreamOnDeny: [{ kind: "suffix", value: "-reason", ignoreCase: true }],
    downstreamOnAllow: [],
  },
};

describe("toHttpExtAuthz()", () => {
  it("tells an authorizer over HTTP what it may see and change", () => {
    const message = create(ExtAuthzSchema, toHttpExtAuthz(authorizer));
    expect(toJson(ExtAuthzSchema, message)).toEqual({
      transportApiVersion: "V3",
      clearRouteCache: true,
      filterEnabledMetadata: {
        filter: "envoy.filters.http.rbac",
        path: [{ key: "istio_ext_authz_shadow_effective_policy_id" }],
        value: { stringMatch: { prefix: "istio-ext-authz-ours" } },
      },
      allowedHeaders: { patterns: [{ prefix: "x-", ignoreCase: true }] },
      httpService: {
        pathPrefix: "/check",
        serverUri: {
          uri: "http://authorizer.example.com",
          cluster: "outbound|9000||authorizer.example.com",
          timeout: "2s",
        },
        authorizationRequest: { headersToAdd: [{ key: "x-from", value: "mesh" }] },
        authorizationResponse: {
          allowedUpstreamHeaders: { patterns: [{ exact: "x-user", ignoreCase: true }] },
          allowedClientHeaders: { patterns: [{ suffix: "-reason", ignoreCase: true }] },
        },
      },
    });
  });
});
