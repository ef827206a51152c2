import { parseFile } from "@weft/config-sources";
import type { MeshObject } from "@weft/mesh-model";
import { seededRandom, shuffled } from "@weft/testkit";
import type { Pilot } from "./pilot.ts";
import { connectProxy, type Held, type ProxyClient, type ProxyMode } from "./testing/proxy-client.ts";
import { startPilot } from "./testing/start-pilot.ts";

const nodeId = "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local";

/** A mesh in which every route leads to something: some services with subsets, and routes between them. */
function randomMesh(random: () => number): readonly MeshObject[] {
  const pick = (count: number) => Math.floor(random() * count);
  const present = [0, 1, 2, 3, 4].filter(() => random() < 0.7);
  const documents = present.map((i) => {
    const destination = () => {
      const to = present[pick(present.length)];
      return `{ host: s${to}, ${random() < 0.5 ? `subset: v${1 + pick(2)}` : "port: { number: 80 }"} }`;
    };
    const service = `
apiVersion: v1
kind: Service
metadata: { name: s${i}, namespace: default }
spec: { clusterIP: 10.96.0.${10 + i}, selector: { app: s${i} }, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s${i}-1, namespace: default, labels: { kubernetes.io/service-name: s${i} } }
addressType: IPv4
endpoints: [{ addresses: [10.0.${i}.${1 + pick(3)}] }]
ports: [{ name: http, port: 8080 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: s${i}, namespace: default }
spec: { host: s${i}, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`;
    const weight = pick(100);
    const virtualService = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: s${i}, namespace: default }
spec:
  hosts: [s${i}]
  http:
  - route: [{ destination: ${destination()}, weight: ${weight} }, { destination: ${destination()}, weight: ${100 - weight} }]
    mirror: ${destination()}
`;
    return random() < 0.7 ? service + virtualService : service;
  });
  const { objects, problems } = parseFile("mesh.yaml", documents.join("---"));
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return objects;
}

const byName = (held: Held) =>
  [...held].map(([type, resources]) => [
    type,
    [...resources].map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString("base64")}`).sort(),
  ]);

/** Resolves when a proxy has what pilot gives it; the test's time limit ends a wait in vain. */
async function settled(pilot: Pilot, client: ProxyClient, services: readonly MeshObject[]): Promise<void> {
  const expected = services.filter(({ kind }) => kind === "Service").length;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const [proxy] = pilot.engine.proxies.all;
    if (pilot.snapshot()?.services.all.length !== expected || proxy?.set === undefined) continue;
    await pilot.engine.idle();
    const same = [...client.held].every(([type, resources]) =>
      proxy.connection.status().some(({ typeUrl, state, names }) => {
        if (typeUrl !== type || state !== "SYNCED") return false;
        const has = [...(proxy.set?.ofType(type).keys() ?? [])];
        const wanted = names === undefined ? has : has.filter((name) => names.has(name));
        return wanted.length === resources.size && wanted.every((name) => resources.has(name));
      }),
    );
    if (same) return;
  }
}

describe.each(["delta", "sotw", "vhds"] satisfies ProxyMode[])(
  "createPilot() over any changes, %s",
  (mode) => {
    it.each([1, 2, 3])(
      "sends no route before its cluster, and the same bytes again (seed %i)",
      async (seed) => {
        const random = seededRandom(seed);
        const { pilot, become } = await startPilot();
        const other = await startPilot();
        const clients: ProxyClient[] = [];
        try {
          const first = connectProxy(pilot.addresses.grpc, nodeId, mode);
          clients.push(first);
          let objects: readonly MeshObject[] = [];
          for (let step = 0; step < 6; step++) {
            objects = randomMesh(random);
            become(shuffled(objects, seed + step));
            await settled(pilot, first, objects);
          }
          expect(first.violations).toEqual([]);
          first.close();
          while (pilot.engine.proxies.all.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
          const again = connectProxy(pilot.addresses.grpc, nodeId, mode);
          clients.push(again);
          await settled(pilot, again, objects);
          expect(byName(again.held)).toEqual(byName(first.held));

          // Another pilot, which saw other things before, and these in another order.
          other.become(randomMesh(random));
          other.become(objects.toReversed());
          const elsewhere = connectProxy(other.pilot.addresses.grpc, nodeId, mode);
          clients.push(elsewhere);
          await settled(other.pilot, elsewhere, objects);
          expect(byName(elsewhere.held)).toEqual(byName(first.held));
          expect([...again.violations, ...elsewhere.violations]).toEqual([]);
        } finally {
          for (const client of clients) client.close();
          await pilot.close();
          await other.pilot.close();
        }
      },
    );
  },
);
