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
  type VolumeOptions,
  volumeMounts,
  volumes,
} from "./parts.ts";
import type { Pod, TemplateContext } from "./types.ts";

const volumeOptions: VolumeOptions = {
  proxyFolder: "istio-envoy",
  credentials: true,
  crl: false,
  sockets: {},
};

/** A pod that is a gateway: its container is the proxy alone, which may bind low ports without a capability. */
export function gatewayTemplate(context: TemplateContext): Pod {
  const { values, pod } = context;
  return {
    metadata: metadataOf(canonicalLabels(context), commonAnnotations(context)),
    spec: {
      securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
      containers: [
        {
          name: "istio-proxy",
          image: imageOf(context, values.global.proxy.image),
          ...pullPolicy(context),
          ports: [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }],
          args: agentArgs(context, "router"),
          ...(values.global.proxy.lifecycle === undefined
            ? {}
            : { lifecycle: values.global.proxy.lifecycle }),
          env: [
            ...env.certificateEnv(context),
            ...env.podEnv(),
            env.cpuLimitEnv,
            env.proxyConfigEnv(context),
            env.podPortsEnv(context),
            ...env.runtimeLimitsEnv,
            env.applicationsEnv(context),
            ...env.clusterEnv(context),
            env.interceptionEnv(context),
            ...env.workloadEnv(context),
            ...env.metadataEnv(context),
            ...env.networkEnv(context),
          ],
          readinessProbe: readinessProbe(context, 15021),
          ...(pod.spec?.hostNetwork ? {} : { securityContext: { runAsUser: 1337, runAsGroup: 1337 } }),
          volumeMounts: volumeMounts(context, volumeOptions),
        },
      ],
      volumes: volumes(context, volumeOptions),
      ...imagePullSecrets(context),
    },
  };
}
