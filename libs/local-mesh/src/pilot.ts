import { closeSync, openSync, writeSync } from "node:fs";
import type { ObjectRef, Problem } from "@weft/base";
import type { Bus } from "@weft/bus";
import type { Pilot, SecureChannelConfig, StartSource, Translate } from "@weft/discovery";
import { refOf } from "@weft/mesh-model";
import { adminGet } from "./admin-client.ts";
import type { ProxySync } from "./checks/index.ts";
import { localiseEvent } from "./local-source.ts";

/** Settings of {@link startLocalPilot}. */
export interface LocalPilotOptions {
  /** Loopback address of the control plane. */
  readonly address: string;
  readonly ports: {
    readonly grpc: number;
    readonly secureGrpc: number;
    readonly http: number;
    readonly monitoring: number;
  };
  readonly channel: SecureChannelConfig;
  readonly bus: Bus;
  /** Folder with the mesh's own objects. */
  readonly objects: string;
  /** Folder with the user's configuration. */
  readonly config: string;
  readonly logFile: string;
  readonly translate: Translate;
  /** Told of all problems there are in the user's configuration, each time that they change. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Told of each object of the user's configuration that has changed, or is gone, since the start. */
  readonly onChange: (object: ObjectRef, what: "changed" | "removed") => void;
}

/** pilot-discovery in this process. */
export interface LocalPilot {
  /** `host:port` of its pages. */
  readonly http: string;
  /** `host:port` of its xDS server, in plain text. */
  readonly grpc: string;
  /** The same with TLS, where proxies go. */
  readonly secureGrpc: string;
  /** What is wrong with the configuration now. */
  problems(): readonly Problem[];
  /** How far each connected proxy is; rejects where it is stopped. */
  proxyStatus(): Promise<readonly ProxySync[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Starts pilot-discovery with both folders as its sources, and can stop it and start it again at the same addresses. */
export async function startLocalPilot(options: LocalPilotOptions): Promise<LocalPilot> {
  const { address: host, ports, channel, bus, objects, config, translate, onProblems, onChange } = options;
  // Imported only here: weftctl reads this lib's state file in each of its commands, and few of those run a pilot.
  const [{ watchFiles }, { createPilot, decodeMeshConfig }, { createLogger }] = await Promise.all([
    import("@weft/config-sources"),
    import("@weft/discovery"),
    import("@weft/observability"),
  ]);
  const logFile = openSync(options.logFile, "a");
  const logger = createLogger({
    component: "pilot-discovery",
    pretty: false,
    destination: { write: (line) => writeSync(logFile, line) },
  });
  const byOrigin = new Map<string, readonly Problem[]>();
  const problems = () => [...byOrigin.values()].flat();

  const sources: readonly StartSource[] = [
    (sink) => watchFiles({ paths: [objects], sink }),
    (sink) => {
      let synced = false;
      return watchFiles({
        paths: [config],
        sink: (event) => {
          const localised = localiseEvent(event);
          if (localised === undefined) return;
          sink(localised);
          switch (localised.kind) {
            case "synced":
              synced = true;
              break;
            case "upsert":
              if (synced) onChange(refOf(localised.object), "changed");
              break;
            case "delete":
              onChange(localised.ref, "removed");
              break;
            case "problems":
              if (localised.problems.length === 0) byOrigin.delete(localised.origin);
              else byOrigin.set(localised.origin, localised.problems);
              onProblems(problems());
              break;
          }
        },
      });
    },
  ];
  // As Istio's installation has it: proxies that can keep metrics do, without being asked.
  const { value: meshConfig } = decodeMeshConfig({ defaultProviders: { metrics: ["prometheus"] } });
  const create = () =>
    createPilot({
      meshConfig,
      sources,
      translate,
      bus,
      logger,
      http: { host, port: ports.http },
      grpc: { host, port: ports.grpc },
      secure: { ...channel, grpc: { host, port: ports.secureGrpc } },
      monitoring: { host, port: ports.monitoring },
      instance: "pilot-discovery-local",
      version: "0.1.0",
    });
  let pilot: Pilot | undefined = await create();
  const { http, grpc, secureGrpc = "" } = pilot.addresses;
  const stop = async () => {
    const running = pilot;
    pilot = undefined;
    await running?.close();
  };
  let closed: Promise<void> | undefined;
  return {
    http,
    grpc,
    secureGrpc,
    problems,
    proxyStatus: async () => toProxySync(JSON.parse(await adminGet(http, "/debug/syncz"))),
    stop,
    start: async () => {
      pilot ??= await create();
    },
    close: () => {
      closed ??= stop().then(() => closeSync(logFile));
      return closed;
    },
  };
}

const types = ["cluster", "listener", "route", "endpoint"] as const;

/** Istio's words for an entry of `/debug/syncz`: SYNCED where the proxy has accepted the last of every type it was sent. */
export function toProxySync(entries: readonly Readonly<Record<string, unknown>>[]): ProxySync[] {
  return entries.map((entry) => {
    const states = types.map((type) => ({ sent: entry[`${type}_sent`], acked: entry[`${type}_acked`] }));
    const nacks = entry.nacks as object | undefined;
    const rejected = Object.keys(nacks ?? {}).length > 0;
    const status = rejected
      ? "ERROR"
      : entry.cluster_sent === undefined || entry.listener_sent === undefined
        ? "NOT SENT"
        : states.every(({ sent, acked }) => sent === acked)
          ? "SYNCED"
          : "STALE";
    return { name: String(entry.proxy), status };
  });
}
