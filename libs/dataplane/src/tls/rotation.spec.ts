import { connect, type TLSSocket } from "node:tls";
import { createCleanup } from "../testing.ts";
import { createTestAuthority, type Identity, type TestAuthority } from "./fixtures.ts";
import { readStats, startPair, uri } from "./testing/pair.ts";
import { envoy, secretsOf } from "./testing/sidecars.ts";

const cleanup = createCleanup();
afterEach(() => cleanup.run());

const rounds = 2;
const clients = 8;
const requestsAfterChange = 80;

/** Sends requests until it is stopped; `failures` says what else than 200 was answered. */
function startLoad(get: () => Promise<Response>) {
  let sent = 0;
  let done = false;
  const failures: string[] = [];
  const loops = Array.from({ length: clients }, async () => {
    while (!done) {
      const response = await get();
      const body = await response.text();
      sent++;
      if (response.status !== 200) failures.push(`request ${sent}: ${response.status} ${body}`);
    }
  });
  return {
    sent: () => sent,
    stop: async () => {
      done = true;
      await Promise.all(loops);
      return failures;
    },
  };
}

describe.each([
  ["weft", "weft", "GRPC", "HTTP/1.1"],
  ["weft", "envoy", "DELTA_GRPC", "HTTP/1.1"],
  ["envoy", "weft", "DELTA_GRPC", "HTTP/1.1"],
  ["envoy", "envoy", "GRPC", "HTTP/1.1"],
  ["weft", "weft", "DELTA_GRPC", "HTTP/2"],
  ["weft", "envoy", "GRPC", "HTTP/2"],
  ["envoy", "weft", "GRPC", "HTTP/2"],
] as const)(
  "certificates and roots that change under load: %s to %s (%s, %s)",
  (from, to, apiType, protocol) => {
    const test = [from, to].includes("envoy") && envoy === undefined ? it.skip : it;

    test("fail no request", async () => {
      // Connections that end after a few requests: there are handshakes all the time, also while secrets change.
      const pair = await startPair(
        { from, to, apiType, maxRequestsPerConnection: 5, http2: protocol === "HTTP/2" },
        cleanup,
      );
      const { clientSds, serverSds, admin, serverAdmin, get } = pair;
      const updates = async () =>
        (await readStats(admin, "sds.*update_success")) +
        (await readStats(serverAdmin, "sds.*update_success"));
      const load = startLoad(get);
      /** Gives both sides other secrets, and waits until both have taken all that are changed by it. */
      const change = async (signer: TestAuthority, roots: string, changed: number) => {
        const before = await updates();
        const enough = load.sent() + requestsAfterChange;
        clientSds.set(secretsOf(await signer.issue({ uris: [uri("client")] }), roots));
        serverSds.set(secretsOf(await signer.issue({ uris: [uri("server")] }), roots));
        while ((await updates()) < before + changed || load.sent() < enough)
          await new Promise((resolve) => setTimeout(resolve, 10));
      };
      let failures: readonly string[] = [];
      let signer = pair.ca;
      try {
        for (let round = 1; round <= rounds; round++) {
          const next = await createTestAuthority(`root ${round}`);
          // Both roots on both sides, then certificates of the new one, then the new one alone.
          await change(signer, signer.root + next.root, 4);
          await change(next, signer.root + next.root, 2);
          await change(next, next.root, 4);
          signer = next;
        }
      } finally {
        failures = await load.stop();
      }
      expect(failures).toEqual([]);
      expect(await readStats(admin, "cluster.to.ssl.handshake")).toBeGreaterThan(load.sent() / 10);
      // Sessions are resumed between two changes, and never across one: each has brought handshakes in full.
      expect(await readStats(admin, "cluster.to.ssl.session_reused")).toBeGreaterThan(0);
    }, 60_000);
  },
);

describe.each(["weft", "envoy"] as const)("a session with %s", (to) => {
  const test = to === "envoy" && envoy === undefined ? it.skip : it;

  test("does not outlive the trust that it was made with", async () => {
    const { issue, serverSds, serverAdmin, middle } = await startPair(
      { from: "weft", to, apiType: "DELTA_GRPC" },
      cleanup,
    );
    const client = await issue("client");
    const server = await issue("server");
    const first = await ask(middle, client);
    expect(first).toMatchObject({ answered: true, resumed: false });
    expect(await ask(middle, client, first.session)).toMatchObject({ answered: true, resumed: true });

    const next = await createTestAuthority("next");
    const before = await readStats(serverAdmin, "sds.*update_success");
    serverSds.set(secretsOf(server, next.root));
    while ((await readStats(serverAdmin, "sds.*update_success")) < before + 2)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await ask(middle, client, first.session)).toMatchObject({ answered: false });
    const trusted = await next.issue({ uris: [uri("client")] });
    expect(await ask(middle, trusted, first.session)).toMatchObject({ answered: true, resumed: false });
  });
});

/** A request with this certificate: whether it was answered, whether by a resumed session, and a session to resume. */
function ask(port: number, { chain, key }: Identity, session?: Buffer) {
  return new Promise<{ answered: boolean; resumed: boolean; session: Buffer | undefined }>((resolve) => {
    let kept: Buffer | undefined;
    let text = "";
    let resumed = false;
    const socket: TLSSocket = connect(
      {
        host: "127.0.0.1",
        port,
        cert: chain,
        key,
        // Who answers does not matter here.
        rejectUnauthorized: false,
        ...(session !== undefined && { session }),
      },
      () => {
        resumed = socket.isSessionReused();
        socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      },
    );
    socket.on("session", (ticket) => {
      kept = ticket;
    });
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("error", () => {}); // told by the absence of an answer
    socket.on("close", () => resolve({ answered: text.startsWith("HTTP/1.1 200"), resumed, session: kept }));
  });
}
