import { systemClock } from "@weft/base";
import { startDatagrams } from "../testing/dns-peers.ts";
import { type DnsQuery, decodeQuery, encodeAnswer, isTruncated, maxMessageSize } from "./message.ts";
import { type DnsServer, startDnsServer } from "./server.ts";
import { createUpstream, type DnsTransport, type UpstreamOptions } from "./upstream.ts";

/** A query for `a.`, with EDNS where a size is given. */
function queryOf(udpSize?: number): DnsQuery {
  const bytes = Buffer.from("abcd01000001000000000000016100000100010000290000000000000000", "hex");
  bytes.writeUInt16BE(udpSize ?? 0, 22);
  bytes.writeUInt16BE(udpSize === undefined ? 0 : 1, 10);
  const decoded = decodeQuery(udpSize === undefined ? bytes.subarray(0, 19) : bytes);
  if (decoded === undefined || !("query" in decoded)) throw new Error("no query");
  return decoded.query;
}

describe("createUpstream()", () => {
  const asked: DnsTransport[] = [];
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    asked.length = 0;
    for (const close of closers.splice(0)) await close();
  });

  const create = (servers: UpstreamOptions["servers"], more: Partial<UpstreamOptions> = {}) => {
    const upstream = createUpstream({
      servers,
      parallel: false,
      clock: systemClock,
      random: () => 0.5,
      ...more,
    });
    closers.push(upstream.close);
    return upstream;
  };
  /** A server of this many addresses, of which it sends over UDP what 512 bytes hold. */
  const serve = async (count: number): Promise<DnsServer> => {
    const addresses = Array.from({ length: count }, (_, i) => Buffer.from([10, 0, i >> 8, i & 255]));
    const server = await startDnsServer([{ address: "127.0.0.1", port: 0 }], async (message, transport) => {
      asked.push(transport);
      const decoded = decodeQuery(message);
      if (decoded === undefined || !("query" in decoded)) return undefined;
      return encodeAnswer(decoded.query, { rcode: 0, addresses }, transport === "udp" ? 512 : maxMessageSize);
    });
    closers.push(server.close);
    return server;
  };
  const answersOf = (response: Buffer) => response.readUInt16BE(6);

  it.each([
    ["as much as the client has room for", 60, 1232, false, 60, ["udp", "tcp"]],
    ["no more than the client has room for", 200, 1232, true, 30, ["udp", "tcp"]],
    ["what is not cut off", 20, 512, false, 20, ["udp"]],
  ])("gives %s", async (_what, count, udpSize, truncated, answers, transports) => {
    const upstream = create((await serve(count)).addresses);
    const response = await upstream.ask(queryOf(udpSize), "udp");
    expect([isTruncated(response), answersOf(response)]).toEqual([truncated, answers]);
    expect(asked).toEqual(transports);
    expect(response.readUInt16BE(0)).toBe(0xabcd);
  });

  it("asks over TCP where the client did", async () => {
    const upstream = create((await serve(1000)).addresses);
    expect(answersOf(await upstream.ask(queryOf(), "tcp"))).toBe(1000);
    expect(asked).toEqual(["tcp"]);
  });

  it("has a bound on what waits, and ends it when closed", async () => {
    const silent = await startDatagrams(() => []);
    closers.push(silent.close);
    const upstream = create([silent], { maxPending: 2 });
    const waiting = [upstream.ask(queryOf(), "udp"), upstream.ask(queryOf(), "udp")];
    const reasons = Promise.all(waiting.map((one) => one.catch(({ message }: Error) => message)));
    await expect(upstream.ask(queryOf(), "udp")).rejects.toThrow("2 queries are waiting already");
    upstream.close();
    const reason = `127.0.0.1:${silent.port}: no answer in time`;
    expect(await reasons).toEqual([reason, reason]);
    // What has ended is no longer in the way of others.
    await expect(upstream.ask(queryOf(), "udp")).rejects.toThrow(reason);
  });

  it("says that there is nobody to ask", async () => {
    await expect(create([]).ask(queryOf(), "udp")).rejects.toThrow("there is no DNS server to ask");
  });
});
