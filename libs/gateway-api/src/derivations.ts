import {
  gatewayApiGroup,
  type KubernetesServicePort,
  kinds,
  type ServiceEntry,
  type ServiceSpec,
} from "@weft/istio-api";
import type { Derivation, DerivationInput, Derived, MeshObject } from "@weft/mesh-model";
import { convertGatewayApi } from "./convert.ts";
import { convertIngresses } from "./ingress/convert.ts";
import type { KnownPort, KnownService } from "./input.ts";
import { serviceHostname } from "./names.ts";
import { readCredentials } from "./references/credentials.ts";

const services = ["/Service", "networking.istio.io/ServiceEntry"];
const ofGatewayApi = kinds
  .filter(({ group }) => group === gatewayApiGroup)
  .map(({ group, kind }) => `${group}/${kind}`);
const ingress = "networking.k8s.io/Ingress";
const ingressClass = "networking.k8s.io/IngressClass";

const nothing: Derived = { objects: [], statuses: [], problems: [] };

/** The Gateway API and Ingress, for a store: what they say becomes part of the mesh as if users had written it. */
export const kubernetesDerivations: readonly Derivation[] = [
  {
    reads: [...ofGatewayApi, ...services, "/Namespace", "/Secret", "/ConfigMap"],
    derive: (input) => {
      // Most meshes have none, and a Service changes often.
      if (ofGatewayApi.every((name) => input.objects(name).length === 0)) return nothing;
      const known = lazily(() => knownServices(input));
      return convertGatewayApi({
        objects: (kind) => input.objects(kind),
        service: (hostname) => known().get(hostname),
        namespaces: new Map(
          input.objects("/Namespace").map(({ metadata }) => [metadata.name, metadata.labels]),
        ),
        credentials: readCredentials(input.objects("/Secret"), input.objects("/ConfigMap")),
        domainSuffix: input.meshConfig.domainSuffix,
      });
    },
  },
  {
    reads: [ingress, ingressClass, ...services],
    derive: (input) => {
      const known = lazily(() => knownServices(input));
      return convertIngresses({
        ingresses: input.objects(ingress),
        classes: input.objects(ingressClass),
        service: (hostname) => known().get(hostname),
        settings: input.meshConfig,
      });
    },
  },
];

/** Services are many, and few objects ask for one. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function knownServices({ objects, meshConfig }: DerivationInput): ReadonlyMap<string, KnownService> {
  const known = new Map<string, KnownService>();
  for (const entry of objects("networking.istio.io/ServiceEntry"))
    for (const service of ofServiceEntry(entry)) known.set(service.hostname, service);
  for (const object of objects("/Service")) {
    const service = ofService(object, meshConfig.domainSuffix);
    known.set(service.hostname, service);
  }
  return known;
}

function ofServiceEntry({ metadata: { namespace }, body }: MeshObject): readonly KnownService[] {
  const { hosts, ports = [] } = body.spec as ServiceEntry; // validated on its way into the store
  const numbered = ports.map(({ name, number }) => ({ name, number }));
  return hosts.map((hostname) => ({ hostname, namespace, ports: numbered, externalAddresses: [] }));
}

interface LoadBalancerStatus {
  readonly loadBalancer?: {
    readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
  };
}

function ofService({ metadata: { name, namespace }, body }: MeshObject, domainSuffix: string): KnownService {
  const { ports = [] } = (body.spec ?? {}) as ServiceSpec; // validated on its way into the store
  const { loadBalancer } = (body.status ?? {}) as LoadBalancerStatus; // the API server's own
  return {
    hostname: serviceHostname(name, namespace, domainSuffix),
    namespace,
    ports: ports.map(toKnownPort),
    externalAddresses: (loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []),
  };
}

function toKnownPort({ name = "", port, targetPort = port }: KubernetesServicePort): KnownPort {
  return { name, number: port, ...(typeof targetPort === "number" ? { targetPort } : {}) };
}
