import * as env from "./env.ts";
import {
  agentArgs,
  canonicalLabels,
  commonAnnotations,
  imageOf,
  imagePullSecrets,
  metadataOf,
  pullPolicy,
  readinessProbe,
  resourcesOf,
  type VolumeOptions,
  volumeMounts,
  volumes,
} from "./parts.ts";
import type { Container, Pod, TemplateContext } from "./types.ts";

const volumeOptions: VolumeOptions = {
  proxyFolder: "istio-xds",
  credentials: false,
  crl: false,
  sockets: null,
};

/** Applications that speak xDS themselves: an agent beside them brings certificates and the bootstrap, and there is no proxy. */
export function grpcAgentTemplate(context: TemplateContext): Pod {
  return {
    metadata: metadataOf(canonicalLabels(context), {
      ...commonAnnotations(context),
      "sidecar.istio.io/rewriteAppHTTPProbers": "false",
    }),
    spec: {
      containers: [agent(context), ...context.applications.map(application)],
      volumes: volumes(context, volumeOptions),
      ...imagePullSecrets(context),
    },
  };
}

function agent(context: TemplateContext): Container {
  const { values } = context;
  return {
    name: "istio-proxy",
    image: imageOf(context, values.global.proxy.image),
    ...pullPolicy(context),
    ports: [{ containerPort: 15020, protocol: "TCP", name: "mesh-metrics" }],
    args: agentArgs(context, "sidecar"),
    lifecycle: {
      postStart: { exec: { command: ["pilot-agent", "wait", "--url=http://localhost:15020/healthz/ready"] } },
    },
    env: [
      { name: "ISTIO_META_GENERATOR", value: "grpc" },
      { name: "OUTPUT_CERTS", value: "/var/lib/istio/data" },
      ...env.certificateEnv(context),
      ...env.podEnv(),
      env.proxyConfigEnv(context),
      { ...env.podPortsEnv({ ...context, pod: {} }) },
      env.applicationsEnv(context),
      ...env.clusterEnv(context),
      ...env.workloadEnv(context),
      ...env.metadataEnv(context),
      ...env.networkEnv(context),
      { name: "ISTIO_META_DNS_CAPTURE", value: "false" },
      { name: "DISABLE_ENVOY", value: "true" },
    ],
    readinessProbe: readinessProbe(context, 15020),
    resources: resourcesOf(context),
    volumeMounts: volumeMounts(context, volumeOptions),
  };
}

function application(name: string): Container {
  return {
    name,
    env: [
      { name: "GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT", value: "true" },
      { name: "GRPC_XDS_BOOTSTRAP", value: "/etc/istio/proxy/grpc-bootstrap.json" },
    ],
    volumeMounts: [
      { mountPath: "/var/lib/istio/data", name: "istio-data" },
      { mountPath: "/etc/istio/proxy", name: "istio-xds" },
      { mountPath: "/var/run/secrets/workload-spiffe-credentials", name: "workload-certs" },
    ],
  };
}

/** As above, with a bootstrap that an init container writes, and no agent: nothing is authenticated. */
export function grpcSimpleTemplate(context: TemplateContext): Pod {
  return {
    metadata: { annotations: { "sidecar.istio.io/rewriteAppHTTPProbers": "false" } },
    spec: {
      initContainers: [
        {
          name: "grpc-bootstrap-init",
          image: "busybox:1.28",
          volumeMounts: [{ mountPath: "/var/lib/grpc/data/", name: "grpc-io-proxyless-bootstrap" }],
          env: [
            { name: "INSTANCE_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
            { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
            {
              name: "ISTIO_NAMESPACE",
              value: context.values.global.istioNamespace,
            },
          ],
          command: ["sh", "-c", simpleBootstrap],
        },
      ],
      containers: context.applications.map((name) => ({
        name,
        env: [
          { name: "GRPC_XDS_BOOTSTRAP", value: "/var/lib/grpc/data/bootstrap.json" },
          { name: "GRPC_GO_LOG_VERBOSITY_LEVEL", value: "99" },
          { name: "GRPC_GO_LOG_SEVERITY_LEVEL", value: "info" },
        ],
        volumeMounts: [{ mountPath: "/var/lib/grpc/data/", name: "grpc-io-proxyless-bootstrap" }],
      })),
      volumes: [{ name: "grpc-io-proxyless-bootstrap", emptyDir: {} }],
    },
  };
}

/** Writes a bootstrap that names the pod as a sidecar of the plain-text port; $NAME is the shell's. */
const simpleBootstrap = [
  'NODE_ID="sidecar~$INSTANCE_IP~$POD_NAME.$POD_NAMESPACE~cluster.local"',
  'SERVER_URI="dns:///istiod.$ISTIO_NAMESPACE.svc:15010"',
  "cat > /var/lib/grpc/data/bootstrap.json <<EOF",
  '{"xds_servers":[{"server_uri":"$SERVER_URI","channel_creds":[{"type":"insecure"}],"server_features":["xds_v3"]}],' +
    '"node":{"id":"$NODE_ID","metadata":{"GENERATOR":"grpc"}}}',
  "EOF",
].join("\n");
