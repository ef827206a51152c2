import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { typeUrls } from "@weft/envoy-api";
import type { NodeInput } from "@weft/mesh-model";
import { anySidecar, generate, parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";

const proxyless: NodeInput = {
  ...anySidecar,
  metadata: { LABELS: { app: "echo" }, GENERATOR: "grpc", INSTANCE_IPS: "10.0.0.9" },
};
const mesh = `
apiVersion: v1
kind: Service
metadata: { name: echo }
spec: { clusterIP: 10.96.0.10, selector: { app: echo }, ports: [{ name: grpc, port: 7070, targetPort: 17070 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client-1, labels: { app: echo } }
spec: { containers: [{ name: app }] }
status: { podIP: 10.0.0.9, phase: Running }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: echo-1, labels: { kubernetes.io/service-name: echo } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.9], targetRef: { kind: Pod, name: client-1 } }]
ports: [{ name: grpc, port: 17070 }]
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { clusterIP: 10.96.0.11, ports: [{ name: tcp, port: 5432 }] }
---
`;
const generated = (extra = "", node = proxyless) =>
  generate(snapshotOf(parseText(mesh + extra)), node).resources;
const full = "echo.default.svc.cluster.local";

describe("proxylessLists()", () => {
  it("has a listener for every name of a port that speaks HTTP, and for what the application serves", () => {
    const { listeners, routes, clusters, endpoints } = generated();
    expect(Object.keys(listeners)).toEqual([
      "echo.default.svc.cluster.local:7070",
      "echo.default.svc:7070",
      "echo.default:7070",
      "echo:7070",
      "xds.istio.io/grpc/lds/inbound/0.0.0.0:17070",
      "xds.istio.io/grpc/lds/inbound/[::]:17070",
    ]);
    expect(listeners["echo:7070"]).toMatchObject({
      api_listener: { api_listener: { rds: { route_config_name: `outbound|7070||${full}` } } },
    });
    expect(Object.keys(routes)).toEqual([`outbound|7070||${full}`]);
    expect(clusters[`outbound|7070||${full}`]).toMatchObject({ type: "EDS" });
    expect(endpoints[`outbound|7070||${full}`]).toBeDefined();
  });

  it("has the mesh's certificates from the provider of the bootstrap, for servers where clients must use them", () => {
    const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec: { mtls: { mode: STRICT } }
`;
    const made = translate(viewOf(snapshotOf(parseText(mesh + strict)), proxyless)).value;
    expect(made.withheld).toBeUndefined();
    const text = JSON.stringify(generated(strict).listeners["xds.istio.io/grpc/lds/inbound/0.0.0.0:17070"]);
    expect(text).toContain('"tls_certificate_provider_instance":{"instance_name":"default"');
    expect(text).toContain('"require_client_certificate":true');
    expect(text).not.toContain("sds_secret_config");
  });

  it("withholds a cluster whose TLS no gRPC client can carry out", () => {
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: simple }
spec: { host: echo, trafficPolicy: { tls: { mode: SIMPLE, sni: x } } }
`;
    const { value } = translate(viewOf(snapshotOf(parseText(mesh + rule)), proxyless));
    expect(value.ofType(typeUrls.cluster).has(`outbound|7070||${full}`)).toBe(false);
    expect(value.withheld?.[0]?.reason).toContain("takes no TLS settings");
  });

  it("encodes resources of the types that the names say", () => {
    const { value } = translate(viewOf(snapshotOf(parseText(mesh)), proxyless));
    for (const typeUrl of [typeUrls.listener, typeUrls.route, typeUrls.cluster, typeUrls.endpoint])
      for (const { any } of value.ofType(typeUrl).values())
        expect(fromBinary(AnySchema, any).typeUrl).toBe(typeUrl);
    expect(value.withheld).toBeUndefined();
  });
});
