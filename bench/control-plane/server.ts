// pilot-discovery as apps/pilot-discovery wires it, but for its source: what main.ts sends, as a watch of Kubernetes would. SCENARIO
import { createInProcessBus } from "@weft/bus";
import type { EventSink } from "@weft/config-sources";
import { createPilot } from "@weft/discovery";
import type { MeshObject } from "@weft/mesh-model";
import { createLogger, watchEventLoop } from "@weft/observability";
import { createTranslator } from "@weft/translation";
import type { FromServer, ToServer } from "./messages.ts";
import { configFiles, type KubernetesObject } from "./objects.ts";
import { findScenario } from "./scenarios.ts";

function toObject(object: KubernetesObject): MeshObject {
  const { apiVersion, kind, metadata, ...body } = object;
  // Made by objects.ts: they need no validation, only what Kubernetes leaves out.
  return {
    apiVersion,
    kind,
    metadata: { labels: {}, annotations: {}, ...(metadata as object) },
    body,
  } as MeshObject;
}

const scenario = findScenario(process.argv[2]);
const logger = createLogger({ component: "bench", level: "warn" });
const listen = { host: "127.0.0.1", port: 0 };
let tell: EventSink = () => {};
const pilot = await createPilot({
  sources: [
    (sink) => {
      tell = sink;
      const synced = Promise.withResolvers<void>();
      // After a turn of the loop, as with every other source.
      setImmediate(() => {
        for (const { objects } of configFiles(scenario))
          for (const object of objects) sink({ kind: "upsert", object: toObject(object) });
        sink({ kind: "synced" });
        synced.resolve();
      });
      return { name: "bench", synced: synced.promise, close: async () => {} };
    },
  ],
  ...createTranslator(),
  bus: createInProcessBus(logger),
  logger,
  http: listen,
  grpc: listen,
  monitoring: listen,
  instance: "bench",
  version: "bench",
});
const loop = watchEventLoop();
const send = (message: FromServer) => process.send?.(message);

process.on("message", (message: ToServer) => {
  if (message.kind === "change") return tell({ kind: "upsert", object: toObject(message.object) });
  const { user, system } = process.cpuUsage();
  const usage = {
    cpuMs: (user + system) / 1000,
    rssMb: process.memoryUsage().rss / 1e6,
    heldMs: loop.maxMs(),
  };
  loop.reset();
  send({ kind: "usage", usage });
});
process.on("disconnect", () => process.exit());
while (pilot.snapshot() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
const { grpc, monitoring } = pilot.addresses;
send({ kind: "ready", port: Number(grpc.split(":").at(-1)), metrics: `http://${monitoring}/metrics` });
