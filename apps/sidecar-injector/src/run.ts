import { systemClock } from "@weft/base";
import { createInjector } from "@weft/injector";
import { checkCredentials, connectKubernetes } from "@weft/kubernetes";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import { type InjectorFlags, readInjectorOptions } from "./options.ts";

/** `sidecar-injector serve`: serves until SIGTERM or SIGINT. */
export async function runInjector(flags: InjectorFlags): Promise<void> {
  const { kubeconfig, shutdownMs, ...options } = readInjectorOptions(flags, process.env);
  const { logger } = options;
  const clock = systemClock;
  const api = await connectKubernetes(kubeconfig === undefined ? {} : { kubeconfig });
  await checkCredentials(api);
  const injector = await createInjector({ ...options, api, clock });
  const shutdown = createShutdown({ logger, clock, timeoutMs: shutdownMs });
  shutdown.add("injector", () => injector.close());
  shutdownOnSignals(shutdown);
  logger.info({ ...injector.addresses, revision: options.revision }, "listening");
}
