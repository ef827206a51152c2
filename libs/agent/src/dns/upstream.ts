import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Clock } from "@weft/base";
import { codeOf, type DnsQuery, isResponseTo, isTruncated, rcode, withId } from "./message.ts";
import type { DnsAddress } from "./resolv-conf.ts";
import { createMessageReader, frame } from "./tcp-framing.ts";

/** What carries a query. */
export type DnsTransport = "udp" | "tcp";

/** Settings of {@link createUpstream}. */
export interface UpstreamOptions {
  readonly servers: readonly DnsAddress[];
  /** Ask all servers at once, and take the first answer; Istio's DNS_FORWARD_PARALLEL. */
  readonly parallel: boolean;
  readonly clock: Clock;
  /** Uniform in [0, 1), for the order of the servers. */
  readonly random: () => number;
  /** For one query, all servers together; 5 s unless told, what resolvers wait for theirs. */
  readonly timeoutMs?: number;
  /** Queries that may wait at a time; 1,024 unless told. */
  readonly maxPending?: number;
}

/** The servers that were there before. */
export interface Upstream {
  /** Asks; the response has the query's own id. Throws an {@link UpstreamError} where no server answers. */
  ask(query: DnsQuery, transport: DnsTransport): Promise<Buffer>;
  /** Ends all that waits. */
  close(): void;
}

/** No server gave an answer. */
export class UpstreamError extends Error {
  readonly code = "dns-upstream";
}

/** Answers with which a resolver asks the next server. */
const unwilling = new Set<number>([rcode.serverFailure, rcode.notImplemented, rcode.refused]);

/** Creates an {@link Upstream}. Every query has a socket, and so a port, and an id of its own: answers are hard to forge. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { servers, parallel, clock, random, timeoutMs = 5_000, maxPending = 1_024 } = options;
  const closing = new AbortController();
  let pending = 0;

  /** One server's answer over one transport. */
  const exchange = (query: DnsQuery, server: DnsAddress, transport: DnsTransport, signal: AbortSignal) =>
    (transport === "udp" ? askByUdp : askByTcp)(query, server, signal);

  /** Over UDP, and where that is cut off and the client has room for more, over TCP. */
  const askServer = async (
    query: DnsQuery,
    server: DnsAddress,
    transport: DnsTransport,
    signal: AbortSignal,
  ) => {
    const response = await exchange(query, server, transport, signal);
    if (transport === "tcp" || !isTruncated(response)) return response;
    try {
      const whole = await exchange(query, server, "tcp", signal);
      return whole.length <= query.udpSize ? whole : response;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      return response; // the client may ask over TCP itself
    }
  };

  /** Ends what `act` does after its time. */
  const within = async <T>(ms: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const timeout = new AbortController();
    const cancel = clock.after(ms, () => timeout.abort());
    try {
      return await act(AbortSignal.any([timeout.signal, closing.signal]));
    } finally {
      cancel();
      timeout.abort(); // what was asked besides is not waited for
    }
  };

  const askInTurn = async (query: DnsQuery, transport: DnsTransport): Promise<Buffer> => {
    const deadline = clock.monotonic() + timeoutMs;
    const order = shuffled(servers, random);
    const reasons: string[] = [];
    let refusal: Buffer | undefined;
    for (const [index, server] of order.entries()) {
      // A server that says nothing leaves the others their share of the time.
      const share = (deadline - clock.monotonic()) / (order.length - index);
      try {
        const response = await within(share, (signal) => askServer(query, server, transport, signal));
        if (!unwilling.has(codeOf(response))) return response;
        refusal ??= response;
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        reasons.push(error.message);
      }
    }
    if (refusal !== undefined) return refusal;
    throw new UpstreamError(reasons.join("; "));
  };

  const askAll = (query: DnsQuery, transport: DnsTransport) =>
    within(timeoutMs, async (signal) => {
      let refusal: Buffer | undefined;
      const willing = servers.map(async (server) => {
        const response = await askServer(query, server, transport, signal);
        if (!unwilling.has(codeOf(response))) return response;
        refusal = response;
        throw new UpstreamError(`${server.address} refuses`);
      });
      try {
        return await Promise.any(willing);
      } catch (error) {
        if (refusal !== undefined) return refusal;
        throw new UpstreamError((error as AggregateError).errors.map(({ message }) => message).join("; "));
      }
    });

  return {
    ask: async (query, transport) => {
      if (servers.length === 0) throw new UpstreamError("there is no DNS server to ask");
      if (pending >= maxPending) throw new UpstreamError(`${pending} queries are waiting already`);
      pending++;
      try {
        const response = await (parallel ? askAll : askInTurn)(query, transport);
        return withId(response, query.id);
      } finally {
        pending--;
      }
    },
    close: () => closing.abort(),
  };
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

/** Settles one exchange once, whatever comes first: the answer, an error, or the end of its time. */
function settleOnce(
  { address, port }: DnsAddress,
  signal: AbortSignal,
  begin: (done: (response: Buffer) => void, failed: (why: string) => void) => () => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let cleanUp = () => {};
    const end = () => {
      signal.removeEventListener("abort", onAbort);
      cleanUp();
    };
    const failed = (why: string) => {
      end();
      reject(new UpstreamError(`${address}:${port}: ${why}`));
    };
    const onAbort = () => failed("no answer in time");
    signal.addEventListener("abort", onAbort);
    cleanUp = begin((response) => {
      end();
      resolve(response);
    }, failed);
    if (signal.aborted) onAbort();
  });
}

function askByUdp(query: DnsQuery, server: DnsAddress, signal: AbortSignal): Promise<Buffer> {
  return settleOnce(server, signal, (done, failed) => {
    const id = randomInt(0x10000);
    const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    let open = true;
    socket.on("error", (error) => open && failed(error.message));
    socket.on("message", (message) => {
      // Anybody may send to this port: what is no answer to this question is passed over.
      if (open && isResponseTo(query, id, message)) done(message);
    });
    // Connected, the socket takes messages of this server only, and is told when there is none at its port.
    socket.connect(server.port, server.address, () => {
      if (open) socket.send(withId(query.bytes, id));
    });
    return () => {
      if (open) socket.close();
      open = false;
    };
  });
}

function askByTcp(query: DnsQuery, server: DnsAddress, signal: AbortSignal): Promise<Buffer> {
  return settleOnce(server, signal, (done, failed) => {
    const id = randomInt(0x10000);
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const reader = createMessageReader((message) => {
      if (isResponseTo(query, id, message)) done(message);
      else failed("answered another question");
    });
    let open = true;
    socket.on("connect", () => socket.write(frame(withId(query.bytes, id))));
    socket.on("data", (chunk: Buffer) => open && reader(chunk));
    socket.on("error", (error) => open && failed(error.message));
    socket.on("close", () => open && failed("closed the connection without an answer"));
    return () => {
      open = false;
      socket.destroy();
    };
  });
}
