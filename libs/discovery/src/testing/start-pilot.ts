import { createInProcessBus } from "@weft/bus";
import { type MeshObject, objectKey, refOf, type SourceEvent } from "@weft/mesh-model";
import { silentLogger } from "@weft/observability";
import { createTranslator } from "@weft/translation";
import { createPilot, type Pilot, type PilotOptions, type StartSource } from "../pilot.ts";

/** A pilot whose objects the test decides, and which waits for nothing. */
export async function startPilot(
  options: Partial<PilotOptions> = {},
): Promise<{ pilot: Pilot; become(objects: readonly MeshObject[]): void }> {
  const listen = { host: "127.0.0.1", port: 0 };
  let sink: (event: SourceEvent) => void = () => {};
  const source: StartSource = (into) => {
    sink = into;
    return { name: "test", synced: Promise.resolve(), close: async () => {} };
  };
  const pilot = await createPilot({
    sources: [source],
    ...createTranslator(),
    bus: createInProcessBus(silentLogger),
    logger: silentLogger,
    http: listen,
    grpc: listen,
    monitoring: listen,
    instance: "pilot-1",
    version: "test",
    debounce: { aloneMs: 1, quietMs: 1, maxMs: 10 },
    ...options,
  });
  let now: readonly MeshObject[] = [];
  return {
    pilot,
    become: (objects) => {
      const kept = new Set(objects.map((object) => objectKey(refOf(object))));
      for (const object of now)
        if (!kept.has(objectKey(refOf(object)))) sink({ kind: "delete", ref: refOf(object) });
      for (const object of objects) sink({ kind: "upsert", object });
      now = objects;
    },
  };
}
