import { connect, type Socket } from "node:net";
import { assertNever } from "@weft/base";
import { askGrpc } from "./ask-grpc.ts";
import { askHttp, type KubeletHeaders } from "./ask-http.ts";
import type { AppProbe, TcpProbe } from "./parse.ts";
import type { ProbeResult, ProbeTarget } from "./target.ts";

/** Asks the application on behalf of the kubelet. */
export interface Prober {
  /** `headers` are those of the kubelet's request to the agent. Never throws: what fails is status 500. */
  ask(probe: AppProbe, headers: KubeletHeaders): Promise<ProbeResult>;
  /** Ends what is kept of connections. */
  close(): void;
}

/** Creates a {@link Prober}. */
export function createProber(target: ProbeTarget): Prober {
  const http = askHttp(target);
  return {
    ask: (probe, headers) => {
      switch (probe.kind) {
        case "http":
          return http.ask(probe, headers);
        case "tcp":
          return askTcp(probe, target);
        case "grpc":
          return askGrpc(probe, () => openConnection(probe.port, target), headers["user-agent"]);
        default:
          return assertNever(probe);
      }
    },
    close: http.close,
  };
}

function openConnection(port: number, { host, localAddress }: ProbeTarget): Socket {
  return connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
}

function askTcp({ port, timeoutMs }: TcpProbe, target: ProbeTarget): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = openConnection(port, target);
    const done = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => done({ status: 500, reason: `no connection in ${timeoutMs} ms` }));
    socket.on("connect", () => done({ status: 200 }));
    socket.on("error", (error) => done({ status: 500, reason: error.message }));
  });
}
