import { typeUrls } from "@weft/envoy-api";
import type { EndpointRoute } from "@weft/observability";
import { shortTypeName } from "../../metrics.ts";
import { profileCpu, sampleAllocations } from "../profile.ts";
import type { DebugOptions } from "./page.ts";

/** Pages about this process: what it keeps, and where its time and memory go. */
export function processPages({ engine, xds }: DebugOptions): EndpointRoute[] {
  const profile = (
    name: string,
    help: string,
    take: (seconds: number) => Promise<object>,
  ): EndpointRoute => ({
    path: `/debug/pprof/${name}`,
    help: `${help}, for the tools of Chrome: ?seconds=10`,
    handle: async ({ query }) => {
      const seconds = Number(query.get("seconds") ?? 10);
      if (!(seconds >= 0.1 && seconds <= 25)) return { status: 400, body: "seconds must be 0.1 to 25\n" };
      const result = await take(seconds);
      return "busy" in result ? { status: 409, body: "another profile is being taken\n" } : { body: result };
    },
  });
  return [
    {
      path: "/debug/cachez",
      help: "responses that are kept for further streams; POST ?clear empties it",
      methods: ["GET", "POST"],
      handle: ({ method, query }) => {
        if (query.has("clear")) {
          if (method !== "POST") return { status: 405, body: "to clear the cache, POST\n" };
          xds.cache.clear();
        }
        return { body: xds.cache.stats() };
      },
    },
    {
      path: "/debug/resourcesz",
      help: "how many resources of each type the proxies have, and how many are different ones",
      handle: () => {
        const sets = [...engine.proxies.all].flatMap(({ set }) => set ?? []);
        return {
          body: Object.fromEntries(
            Object.values(typeUrls).map((typeUrl) => {
              const maps = sets.map((set) => set.ofType(typeUrl));
              const different = new Set([...new Set(maps)].flatMap((map) => [...map.values()]));
              return [
                shortTypeName(typeUrl),
                {
                  given: maps.reduce((sum, { size }) => sum + size, 0),
                  different: different.size,
                  bytes: [...different].reduce((sum, { any }) => sum + any.length, 0),
                },
              ];
            }),
          ),
        };
      },
    },
    profile("profile", "where the time of the processor goes", profileCpu),
    profile("allocs", "what memory is taken for, by where in the code", sampleAllocations),
  ];
}
