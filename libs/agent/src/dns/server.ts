import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { DnsAddress } from "./resolv-conf.ts";
import { createMessageReader, frame } from "./tcp-framing.ts";
import type { DnsTransport } from "./upstream.ts";

/** Answers one message; nothing for what is not to be answered. */
export type DnsHandler = (message: Buffer, transport: DnsTransport) => Promise<Buffer | undefined>;

/** A DNS server at some addresses, over UDP and TCP. */
export interface DnsServer {
  /** Where it listens: with the ports that were bound. */
  readonly addresses: readonly DnsAddress[];
  /** Idempotent. */
  close(): Promise<void>;
}

const maxConnections = 256;
/** Messages of one connection that may be worked on at a time; it is not read from meanwhile. */
const maxPendingPerConnection = 16;
/** A connection that says nothing for so long is ended, milliseconds. */
const idleMs = 10_000;

/** The address and transport cannot be bound. */
class DnsListenError extends Error {
  readonly code = "dns-listen";
}

/** Starts a {@link DnsServer}. Port 0 takes a free one, the same for both transports. Throws where an address cannot be bound. */
export async function startDnsServer(
  addresses: readonly DnsAddress[],
  handle: DnsHandler,
): Promise<DnsServer> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(closers.splice(0).map((end) => end()));
  };
  const bound: DnsAddress[] = [];
  try {
    for (const { address, port: wanted } of addresses) {
      const tcp = await listenTcp({ address, port: wanted }, handle);
      closers.push(tcp.close);
      const udp = await listenUdp({ address, port: tcp.port }, handle);
      closers.push(udp.close);
      bound.push({ address, port: tcp.port });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: bound, close };
}

function listenFailure(transport: DnsTransport, { address, port }: DnsAddress, error: NodeJS.ErrnoException) {
  const reason = error.code === "EADDRINUSE" ? "the port is taken by another process" : error.message;
  const message = `cannot answer DNS on ${transport} ${address}:${port} (DNS_PROXY_ADDR): ${reason}`;
  return new DnsListenError(message, { cause: error });
}

function listenUdp(at: DnsAddress, handle: DnsHandler): Promise<{ close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const socket: UdpSocket = createSocket(
      isIPv6(at.address) ? { type: "udp6", ipv6Only: true } : { type: "udp4" },
    );
    let open = true;
    const close = () =>
      new Promise<void>((closed) => {
        open = false;
        socket.close(() => closed());
      });
    socket.once("error", (error) => reject(listenFailure("udp", at, error)));
    socket.on("message", (message, { address, port }) => {
      void handle(message, "udp").then((reply) => {
        // What cannot be sent is lost, as datagrams are; the client asks again.
        if (reply !== undefined && open) socket.send(reply, port, address, () => {});
      });
    });
    socket.bind(at.port, at.address, () => {
      socket.on("error", () => {}); // of single datagrams: lost, as above
      resolve({ close });
    });
  });
}

function listenTcp(
  at: DnsAddress,
  handle: DnsHandler,
): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const connections = new Set<Socket>();
    const server: Server = createServer({ noDelay: true }, (socket) => {
      connections.add(socket);
      socket.on("close", () => connections.delete(socket));
      serveConnection(socket, handle);
    });
    server.maxConnections = maxConnections;
    server.once("error", (error) => reject(listenFailure("tcp", at, error)));
    server.listen({ host: at.address, port: at.port, ipv6Only: isIPv6(at.address) }, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : at.port;
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          for (const socket of connections) socket.destroy();
        });
      resolve({ port, close });
    });
  });
}

/** Answers the messages of a connection as they become ready, in whatever order; https://www.rfc-editor.org/rfc/rfc7766#section-7 */
function serveConnection(socket: Socket, handle: DnsHandler): void {
  let pending = 0;
  const read = createMessageReader((message) => {
    pending++;
    if (pending >= maxPendingPerConnection) socket.pause();
    void handle(message, "tcp").then((reply) => {
      pending--;
      if (socket.destroyed) return;
      if (reply === undefined) {
        socket.destroy(); // no DNS
        return;
      }
      socket.write(frame(reply));
      // A client that does not read is not read from.
      if (pending < maxPendingPerConnection && !socket.writableNeedDrain) socket.resume();
    });
  });
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("drain", () => pending < maxPendingPerConnection && socket.resume());
  socket.on("error", () => socket.destroy()); // the client is gone
  socket.on("data", read);
}
