import { toEnvoyJson } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { Backend, ProxyTraits, UpstreamTls } from "../ir/index.ts";
import { buildTelemetry } from "../telemetry/build.ts";
import { anySidecar, snapshotOf, viewOf } from "../testing/mesh.ts";
import { toCluster } from "./to-envoy.ts";

const traits: ProxyTraits = {
  istioExtensions: false,
  setsFilterState: false,
  extensions: [],
  telemetry: buildTelemetry(viewOf(snapshotOf([]), anySidecar)),
  agentServesFiles: false,
  canonicalName: "client",
  canonicalRevision: "v1",
  namespace: "default",
  clusterId: "Kubernetes",
  meshId: "",
  pathNormalization: "BASE",
};
const backend: Backend = {
  name: "outbound|443||a.example.com",
  discovery: { kind: "eds" },
  connectTimeoutMs: 1500,
  loadBalancing: { kind: "least-request" },
  services: [],
  external: true,
  exchangesMetadata: true,
  origin: [],
};

function cluster(over: Partial<Backend>, overTraits: Partial<ProxyTraits> = {}) {
  return toEnvoyJson(ClusterSchema, toCluster({ ...backend, ...over }, { ...traits, ...overTraits }));
}

describe("toCluster()", () => {
  const tls: UpstreamTls = {
    kind: "custom",
    autoSni: true,
    insecureSkipVerify: false,
    subjectAltNames: [],
    alpn: [],
    roots: { kind: "file", path: "/ca.pem" },
    certificate: { kind: "files", chain: "/c.pem", key: "/k.pem" },
  };
  const context = (value: unknown) =>
    (value as { transport_socket: { typed_config: { common_tls_context: object } } }).transport_socket
      .typed_config.common_tls_context; // the shape is what the test is about

  it("names key files where the proxy reads them itself", () => {
    expect(context(cluster({ tls }))).toMatchObject({
      validation_context: { trusted_ca: { filename: "/ca.pem" } },
      tls_certificates: [{ certificate_chain: { filename: "/c.pem" }, private_key: { filename: "/k.pem" } }],
    });
  });

  it("asks the control plane for what Secrets hold", () => {
    const certificate = { kind: "secret", name: "kubernetes://c" } as const;
    const roots = { kind: "secret", name: "kubernetes://c-cacert" } as const;
    expect(context(cluster({ tls: { ...tls, certificate, roots } }))).toMatchObject({
      combined_validation_context: {
        validation_context_sds_secret_config: { name: "kubernetes://c-cacert" },
      },
      tls_certificate_sds_secret_configs: [{ name: "kubernetes://c", sds_config: { ads: {} } }],
    });
  });

  it.each([
    [{ kind: "file", path: "/ca.pem" }, false, { validation_context: { crl: { filename: "/crl" } } }],
    [{ kind: "system" }, false, { validation_context: { crl: { filename: "/crl" }, trusted_ca: {} } }],
    [
      { kind: "system" },
      true,
      { combined_validation_context: { default_validation_context: { crl: { filename: "/crl" } } } },
    ],
  ] as const)(
    "looks up revocations beside %j (an agent serves files: %s)",
    (roots, agentServesFiles, expected) => {
      expect(context(cluster({ tls: { ...tls, roots, crl: "/crl" } }, { agentServesFiles }))).toMatchObject(
        expected,
      );
    },
  );

  it("asks Istio's agent for them", () => {
    expect(context(cluster({ tls }, { agentServesFiles: true }))).toMatchObject({
      combined_validation_context: { validation_context_sds_secret_config: { name: "file-root:/ca.pem" } },
      tls_certificate_sds_secret_configs: [{ name: "file-cert:/c.pem~/k.pem" }],
    });
  });

  it.each([
    [{ subjectAltNames: [], insecureSkipVerify: false }, true],
    [{ subjectAltNames: ["a"], insecureSkipVerify: false }, undefined],
    [{ subjectAltNames: [], insecureSkipVerify: true }, undefined],
  ])("takes the name from the request where the rule has none: %j", (over, validates) => {
    const built = cluster({ tls: { ...tls, ...over } });
    expect(built).toMatchObject({
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          upstream_http_protocol_options: {
            auto_sni: true,
            ...(validates ? { auto_san_validation: true } : {}),
          },
        },
      },
    });
  });

  it("exchanges metadata only where the proxy has the filter", () => {
    expect(cluster({})).not.toHaveProperty("filters");
    expect(cluster({}, { istioExtensions: true })).toMatchObject({
      filters: [{ name: "istio.metadata_exchange" }],
    });
    expect(cluster({ exchangesMetadata: false }, { istioExtensions: true })).not.toHaveProperty("filters");
  });

  it("says what handshakes offer for HTTP, to proxies that can be told", () => {
    const mesh = { kind: "mesh", sni: "s", identities: [], http2: false } as const;
    const offered = (protocol: "http1" | "http2" | "auto", tls: UpstreamTls | undefined, told = true) => {
      const made = toCluster(
        { ...backend, http: { protocol }, ...(tls && { tls }) },
        { ...traits, setsFilterState: told },
      );
      return made.metadata?.filterMetadata.istio?.alpn;
    };
    expect(offered("http1", mesh)).toBe("istio-http/1.1,istio,http/1.1");
    expect(offered("http2", mesh)).toBe("istio-h2,istio,h2");
    expect(offered("auto", mesh)).toBe("istio-http/1.1,istio-h2,istio");
    expect(offered("http1", undefined)).toBeUndefined();
    expect(offered("http1", mesh, false)).toBeUndefined();
  });

  it("keeps long and short durations exact", () => {
    expect(cluster({})).toMatchObject({ connect_timeout: "1.500s" });
    expect(cluster({ discovery: { kind: "original-destination", keepHosts: true } })).toMatchObject({
      cleanup_interval: "9223372035s",
    });
  });
});
