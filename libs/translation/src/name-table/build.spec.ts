import { fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { typeUrls } from "@weft/envoy-api";
import type { NodeInput } from "@weft/mesh-model";
import { NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { orders } from "@weft/testkit";
import { anySidecar, parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";

const objects = parseText(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, "fd00::10"], ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: mysql }
spec: { clusterIP: None, ports: [{ name: tcp, port: 3306 }, { name: metrics, port: 9104 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: mysql-1, labels: { kubernetes.io/service-name: mysql } }
addressType: IPv4
endpoints:
- { addresses: [10.0.1.1], hostname: mysql-0 }
- { addresses: [10.0.1.2], hostname: mysql-1, conditions: { ready: false } }
- { addresses: [10.0.1.3] }
ports: [{ name: tcp, port: 3306 }, { name: metrics, port: 9104 }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside }
spec:
  hosts: [outside.example.com]
  addresses: [240.0.0.1, 10.9.0.0/16]
  ports: [{ name: http, number: 80, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 10.9.0.1 }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: no-address }
spec: { hosts: [none.example.com], ports: [{ name: http, number: 80, protocol: HTTP }], resolution: DNS }
---
apiVersion: v1
kind: Service
metadata: { name: hidden, annotations: { networking.istio.io/exportTo: "~" } }
spec: { clusterIP: 10.96.0.12, ports: [{ name: http, port: 80 }] }
`);
const capturing: NodeInput = { ...anySidecar, metadata: { ...anySidecar.metadata, DNS_CAPTURE: "true" } };
const tables = (given = objects, node = capturing) => [
  ...translate(viewOf(snapshotOf(given), node))
    .value.ofType(typeUrls.nameTable)
    .values(),
];

describe("buildNameTable()", () => {
  it("has the addresses of services, of pods of headless services, and of ServiceEntries", () => {
    const [resource] = tables();
    const any = fromBinary(AnySchema, resource?.any ?? new Uint8Array());
    expect(any.typeUrl).toBe("type.googleapis.com/istio.networking.nds.v1.NameTable");
    const { table } = fromBinary(NameTableSchema, any.value);
    const kubernetes = { registry: "Kubernetes", namespace: "default" };
    expect(table).toMatchObject({
      "mysql-0.mysql.default.svc.cluster.local": {
        ips: ["10.0.1.1"],
        shortname: "mysql-0.mysql",
        ...kubernetes,
      },
      "mysql.default.svc.cluster.local": { ips: ["10.0.1.1", "10.0.1.3"], shortname: "mysql", ...kubernetes },
      "none.example.com": { ips: ["240.240.165.56"], registry: "External" },
      "outside.example.com": { ips: ["240.0.0.1"], registry: "External", shortname: "", namespace: "" },
      "web.default.svc.cluster.local": { ips: ["10.96.0.10", "fd00::10"], shortname: "web", ...kubernetes },
    });
    expect(Object.keys(table)).toHaveLength(5);
  });

  it("is the same bytes whatever the order of events", () => {
    expect(new Set(orders(objects).map((order) => tables(order)[0]?.version)).size).toBe(1);
  });

  it("is not made for proxies whose agent answers no queries", () => {
    expect(tables(objects, anySidecar)).toEqual([]);
  });
});
