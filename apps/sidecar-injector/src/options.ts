import { parseDuration } from "@weft/base";
import { readSecretsConfig, type SecretsConfig } from "@weft/identity";
import { createLogger, type Logger, parseLogLevel } from "@weft/observability";

/** Flags of `sidecar-injector serve`, as commander gives them. */
export interface InjectorFlags {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly webhookConfigName: string;
  readonly serviceName: string;
  readonly revision: string;
  readonly nativeSidecars: string;
  readonly bindAddress: string;
  readonly port: string;
  readonly monitoringPort: string;
  readonly shutdownDuration: string;
  readonly log_output_level: string;
}

/** What the flags and the environment say. */
export interface InjectorAppOptions {
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
  readonly webhookConfigName: string;
  readonly dnsNames: readonly string[];
  readonly revision: string;
  readonly nativeSidecars: boolean;
  readonly webhook: { readonly host: string; readonly port: number };
  readonly monitoring: { readonly host: string; readonly port: number };
  /** Where CA_ADDR is set; see `readSecretsConfig` of @weft/identity. */
  readonly ca: SecretsConfig | undefined;
  readonly shutdownMs: number;
  readonly logger: Logger;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Reads flags and environment. Throws where one is wrong, naming it. */
export function readInjectorOptions(flags: InjectorFlags, env: Env): InjectorAppOptions {
  const level = parseLogLevel(flags.log_output_level, "sidecar-injector");
  if ("problem" in level) throw new Error(`--log_output_level: ${level.problem}`);
  const { namespace, serviceName, nativeSidecars, bindAddress: host } = flags;
  if (nativeSidecars !== "true" && nativeSidecars !== "false") {
    throw new Error(`--nativeSidecars: ${JSON.stringify(nativeSidecars)} is not true or false`);
  }
  const shutdownMs = parseDuration(flags.shutdownDuration);
  if (shutdownMs === undefined || shutdownMs <= 0) {
    throw new Error(`--shutdownDuration: ${flags.shutdownDuration} is no duration such as 10s`);
  }
  return {
    kubeconfig: flags.kubeconfig,
    namespace,
    webhookConfigName: flags.webhookConfigName,
    dnsNames: [`${serviceName}.${namespace}.svc`],
    revision: flags.revision,
    nativeSidecars: nativeSidecars === "true",
    webhook: { host, port: port("--port", flags.port) },
    monitoring: { host, port: port("--monitoringPort", flags.monitoringPort) },
    ca: readSecretsConfig(env, env.POD_NAMESPACE || namespace),
    shutdownMs,
    logger: createLogger({ component: "sidecar-injector", ...level }),
  };
}

function port(flag: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new Error(`${flag}: ${JSON.stringify(text)} is no port, allowed are 0 to 65535`);
}
