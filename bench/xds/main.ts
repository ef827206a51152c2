// node bench/xds/main.ts [--streams 100] [--megabytes 5]
// How long an xDS server takes to bring many clients to one resource set, and to tell them of small changes; with the CPU
// time and the memory of its process. The clients are in a process of their own, and ACK whatever comes.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import { createResourceSet, createXdsServer, encodeResource, type XdsMode } from "@weft/xds";

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "100" },
    megabytes: { type: "string", default: "5" },
  },
});
const streams = Number(values.streams);
const megabytes = Number(values.megabytes);

/** A resource of this many bytes; the number makes its content. */
function resource(
  typeUrl: string,
  name: string,
  { bytes, content = 0 }: { bytes: number; content?: number },
) {
  const head = Buffer.concat([Buffer.from([10, name.length]), Buffer.from(name)]);
  const body = Buffer.alloc(Math.max(0, bytes - head.length - 4), `${content} `);
  const length = Buffer.from([18, (body.length & 0x7f) | 0x80, (body.length >> 7) | 0x80, body.length >> 14]);
  return encodeResource(name, typeUrl, Buffer.concat([head, length, body]));
}

/** As a mesh has them: many clusters with endpoints, few large routes. */
function mesh(change: { readonly endpoint?: number; readonly route?: number } = {}): EncodedResource[] {
  const clusters = Math.round(megabytes * 600);
  const resources: EncodedResource[] = [resource(typeUrls.listener, "l", { bytes: 1_000 })];
  for (let i = 0; i < clusters; i++) {
    const content = i === 0 ? (change.endpoint ?? 0) : 0;
    resources.push(resource(typeUrls.cluster, `c${i}`, { bytes: 600 }));
    resources.push(resource(typeUrls.endpoint, `c${i}`, { bytes: 400, content }));
  }
  for (let i = 0; i < 20; i++) {
    const content = i === 0 ? (change.route ?? 0) : 0;
    resources.push(resource(typeUrls.route, `r${i}`, { bytes: Math.round(megabytes * 20_000), content }));
  }
  return resources;
}

async function run(mode: XdsMode): Promise<void> {
  const initial = createResourceSet(mesh());
  const sets = {
    connect: initial,
    "one endpoint": createResourceSet(mesh({ endpoint: 1 }), initial),
    "one route": createResourceSet(mesh({ endpoint: 1, route: 1 }), initial),
    nothing: createResourceSet(mesh({ endpoint: 1, route: 1 }), initial),
  };
  let target = initial;
  let bytes = 0;
  const server = createXdsServer({
    onConnect: (connection) => {
      connection.update(target);
      return undefined;
    },
    onEvent: (event) => {
      if (event.kind === "sent") bytes += event.bytes;
    },
  });
  const port = await server.listen("127.0.0.1:0");
  const settled = () =>
    server.connections().length === streams &&
    server.connections().every((connection) => {
      const types = connection.status();
      return (
        types.length === 4 &&
        types.every(({ typeUrl, state }) => state === "SYNCED" && connection.settled(typeUrl))
      );
    });

  const clients = fork(new URL("clients.ts", import.meta.url), [String(port), String(streams), mode]);
  try {
    await once(clients, "message");
    for (const [what, set] of Object.entries(sets)) {
      bytes = 0;
      const started = performance.now();
      const cpu = process.cpuUsage();
      target = set;
      if (what === "connect") clients.send("go");
      for (const connection of server.connections()) connection.update(set);
      while (!settled()) await new Promise((resolve) => setTimeout(resolve, 2));
      const used = process.cpuUsage(cpu);
      const row = {
        mode,
        what,
        "sent MB": (bytes / 1e6).toFixed(2),
        ms: (performance.now() - started).toFixed(0),
        "cpu ms": ((used.user + used.system) / 1000).toFixed(0),
        "rss MB": (process.memoryUsage().rss / 1e6).toFixed(0),
      };
      process.stdout.write(
        `${Object.entries(row)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ")}\n`,
      );
    }
  } finally {
    clients.kill();
    await server.close(0);
  }
}

process.stdout.write(
  `${streams} streams, a set of ${megabytes} MB, ${cpus()[0]?.model.trim()}, ${cpus().length} cores\n`,
);
await run("delta");
await run("sotw");
