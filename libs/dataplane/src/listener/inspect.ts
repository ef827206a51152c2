import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import { type ClientHelloResult, parseClientHello } from "./client-hello.ts";
import { inspectHttp } from "./http-inspect.ts";

/** What to look for. */
export interface InspectionOptions {
  readonly tls: boolean;
  readonly http: boolean;
  /** 0: no limit. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** What the first bytes of a connection told. */
export interface Inspection {
  /** Bytes taken from the socket meanwhile. */
  readonly head: Buffer;
  readonly transportProtocol: "tls" | "raw_buffer";
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
  /** The time was up before there were enough bytes. */
  readonly timedOut: boolean;
}

/** What is known of a connection nobody looked into. */
export const uninspected: Inspection = {
  head: Buffer.alloc(0),
  transportProtocol: "raw_buffer",
  serverName: "",
  applicationProtocols: [],
  timedOut: false,
};

/**
 * Reads from a paused socket until it is clear what it speaks, then calls `done`; with undefined where the socket
 * closed before. No more is read than is needed to tell, which the parsers bound to 64 KiB; the socket is left paused.
 */
export function inspectConnection(
  socket: Socket,
  options: InspectionOptions,
  done: (inspection: Inspection | undefined) => void,
): void {
  const { timeoutMs, clock } = options;
  let head: Buffer = Buffer.alloc(0);
  const finish = (inspection: Inspection | undefined) => {
    cancel?.();
    socket.off("readable", onReadable).off("end", onGone).off("close", onGone);
    done(inspection);
  };
  const onReadable = () => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const found = classify(head, options);
      if (found === undefined) continue;
      // What arrived in the meantime stays in the socket, after `head`.
      finish(found);
      return;
    }
  };
  const onGone = () => finish(undefined);
  const cancel =
    timeoutMs === 0
      ? undefined
      : clock.after(timeoutMs, () => finish({ ...uninspected, head, timedOut: true }));
  socket.on("readable", onReadable).on("end", onGone).on("close", onGone);
}

/** Judges the bytes so far; undefined where more are needed. */
function classify(head: Buffer, { tls, http }: InspectionOptions): Inspection | undefined {
  const hello: ClientHelloResult = tls ? parseClientHello(head) : { kind: "not-tls" };
  switch (hello.kind) {
    case "need-more":
      return undefined;
    case "tls":
      return {
        head,
        transportProtocol: "tls",
        serverName: hello.serverName,
        applicationProtocols: hello.applicationProtocols,
        timedOut: false,
      };
    case "not-tls": {
      const protocol = http ? inspectHttp(head) : "not-http";
      if (protocol === "need-more") return undefined;
      return { ...uninspected, head, applicationProtocols: protocol === "not-http" ? [] : [protocol] };
    }
  }
}
