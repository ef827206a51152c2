import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { create } from "@bufbuild/protobuf";
import { type NameTable, NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import type { DnsAddress } from "../dns/resolv-conf.ts";

/** A name table: of Kubernetes where a short name and a namespace stand with the addresses, else of elsewhere. */
export function nameTable(
  hosts: Readonly<
    Record<string, { ips: readonly string[]; shortname?: string; namespace?: string } | readonly string[]>
  >,
): NameTable {
  const table = Object.entries(hosts).map(([host, given]) => {
    if ("ips" in given) return [host, { registry: "Kubernetes", ...given, ips: [...given.ips] }];
    return [host, { registry: "External", ips: [...given] }];
  });
  return create(NameTableSchema, { table: Object.fromEntries(table) });
}

/** Something that listens where a DNS server should. */
export interface Listening extends DnsAddress {
  close(): Promise<void>;
}

/** Answers datagrams with whatever `reply` makes of them. */
export function startDatagrams(reply: (message: Buffer) => readonly Buffer[]): Promise<Listening> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (message, { port, address }) => {
      for (const answer of reply(message)) socket.send(answer, port, address);
    });
    socket.bind(0, "127.0.0.1", () =>
      resolve({
        address: "127.0.0.1",
        port: socket.address().port,
        close: () => new Promise((closed) => socket.close(() => closed())),
      }),
    );
  });
}

/** An address of 127.0.0.1 where nobody listens. */
export function deadAddress(): Promise<DnsAddress> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve({ address: "127.0.0.1", port }));
    });
  });
}
