import { anySidecar, generate, parseText, snapshotOf } from "./testing/mesh.ts";

// The two examples of the article the project is specified by (reference/seeds/002), in today's spelling: routes stand
// in the table of the port, and names keep their port.
const mesh = snapshotOf(
  parseText(`
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.1.3, selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: { name: reviews-route }
spec:
  hosts: [reviews]
  http:
  - match: [{ headers: { end-user: { exact: jason } } }]
    route: [{ destination: { host: reviews, subset: v2 } }]
  - route: [{ destination: { host: reviews, subset: v1 } }]
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: { name: reviews-destination }
spec:
  host: reviews
  subsets:
  - { name: v1, labels: { version: v1 } }
  - { name: v2, labels: { version: v2 } }
  trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } } }
`),
);
const { resources, problems } = generate(mesh, {
  ...anySidecar,
  metadata: { LABELS: { app: "client", "security.istio.io/tlsMode": "istio" } },
});

describe("the examples of the seed", () => {
  it("route by header, in the order of the VirtualService", () => {
    expect(problems).toEqual([]);
    expect(resources.routes["9080"]).toMatchObject({
      virtual_hosts: [
        {
          name: "reviews.default.svc.cluster.local:9080",
          domains: expect.arrayContaining(["reviews.default.svc.cluster.local"]),
          routes: [
            {
              match: { prefix: "/", headers: [{ name: "end-user", string_match: { exact: "jason" } }] },
              route: { cluster: "outbound|9080|v2|reviews.default.svc.cluster.local" },
            },
            {
              match: { prefix: "/" },
              route: { cluster: "outbound|9080|v1|reviews.default.svc.cluster.local" },
            },
          ],
        },
        { name: "allow_any" },
      ],
    });
  });

  it("turn subsets into clusters with limits and the mesh's certificates", () => {
    const name = "outbound|9080|v1|reviews.default.svc.cluster.local";
    expect(resources.clusters[name]).toMatchObject({
      name,
      type: "EDS",
      eds_cluster_config: { service_name: name },
      circuit_breakers: { thresholds: [{ max_connections: 100 }] },
      transport_socket_matches: [
        {
          name: "tlsMode-istio",
          transport_socket: {
            name: "envoy.transport_sockets.tls",
            typed_config: {
              common_tls_context: {
                tls_certificate_sds_secret_configs: [
                  {
                    name: "default",
                    sds_config: {
                      api_config_source: {
                        api_type: "GRPC",
                        grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
                      },
                    },
                  },
                ],
              },
            },
          },
        },
        { name: "tlsMode-disabled" },
      ],
    });
  });
});
