import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";
import { startDaemon } from "./daemon.ts";
import { cluster, type Layout } from "./layout.ts";

const port = 10053;

/** Starts CoreDNS on the host, with the Service `kube-dns` in front of it. */
export async function startDns(at: Layout, bin: string, coredns: string): Promise<void> {
  writeFileSync(
    at.at("Corefile"),
    `.:${port} {
    bind ${cluster.hostAddress}
    errors
    kubernetes ${cluster.domain} in-addr.arpa ip6.arpa {
        kubeconfig ${at.kubeconfig}
        pods insecure
        ttl 5
    }
    cache 5
}
`,
  );
  startDaemon(at, { name: "coredns", command: coredns, args: ["-conf", at.at("Corefile")] });
  const kubectl = ["--kubeconfig", at.kubeconfig, "apply", "--server-side", "-f", "-"];
  await run(join(bin, "kubectl"), kubectl, { input: JSON.stringify(dnsService()) });
}

function dnsService(): object {
  const ports = (named: (name: string, protocol: string) => object) => [
    named("dns", "UDP"),
    named("dns-tcp", "TCP"),
  ];
  const metadata = { name: "kube-dns", namespace: "kube-system" };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { ...metadata, labels: { "k8s-app": "kube-dns" } },
        spec: {
          clusterIP: cluster.dnsServiceAddress,
          ports: ports((name, protocol) => ({ name, protocol, port: 53, targetPort: port })),
        },
      },
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { ...metadata, labels: { "kubernetes.io/service-name": "kube-dns" } },
        addressType: "IPv4",
        endpoints: [{ addresses: [cluster.hostAddress], conditions: { ready: true } }],
        ports: ports((name, protocol) => ({ name, protocol, port })),
      },
    ],
  };
}
