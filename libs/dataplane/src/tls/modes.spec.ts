import type { JsonValue } from "@bufbuild/protobuf";
import { freePorts } from "@weft/testkit";
import { createCleanup, httpChain, listener, loadAssignment, loopback, startUpstream } from "../testing.ts";
import { createTestAuthority, type Identity } from "./fixtures.ts";
import { bytes, envoy, run, tls } from "./testing/sidecars.ts";

const cleanup = createCleanup();
afterAll(() => cleanup.run());

const type = "type.googleapis.com/envoy.extensions.";
const serverName = "spiffe://td/ns/a/sa/server";
const certificates = ({ chain, key }: Identity) => [
  { certificate_chain: bytes(chain), private_key: bytes(key) },
];
const trust = (roots: string, san: object) => ({
  trusted_ca: bytes(roots),
  match_typed_subject_alt_names: [{ san_type: "URI", matcher: san }],
});

const identities = async () => {
  const ca = await createTestAuthority();
  const foreign = await createTestAuthority("foreign");
  const client = { uris: ["spiffe://td/ns/a/sa/client"] };
  const server = { uris: [serverName] };
  return {
    root: ca.root,
    client: await ca.issue(client),
    clientForeign: await foreign.issue(client),
    clientExpired: await ca.issue({ ...client, hours: -1 }),
    clientOfOtherDomain: await ca.issue({ uris: ["spiffe://other/ns/a/sa/client"] }),
    server: await ca.issue(server),
    serverForeign: await foreign.issue(server),
    serverExpired: await ca.issue({ ...server, hours: -1 }),
  };
};
type Identities = Awaited<ReturnType<typeof identities>>;

/** What stands for a filter chain: what connections it takes, and how it ends TLS. */
interface Chain {
  readonly match?: object;
  readonly socket?: JsonValue;
}

/** How a workload takes connections: the chains that Istio makes of a PeerAuthentication, or a server's own TLS. */
function serverModes(all: Identities): Readonly<Record<string, readonly Chain[]>> {
  const common = (identity: Identity) => ({
    tls_certificates: certificates(identity),
    alpn_protocols: ["h2", "http/1.1"],
  });
  const mutual = (identity: Identity) => {
    const validation_context = trust(all.root, { prefix: "spiffe://td/" });
    const common_tls_context = { ...common(identity), validation_context };
    return tls("Downstream", { common_tls_context, require_client_certificate: true });
  };
  const meshAlpn = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];
  return {
    DISABLE: [{ match: { transport_protocol: "raw_buffer" } }],
    PERMISSIVE: [
      {
        match: { transport_protocol: "tls", application_protocols: meshAlpn },
        socket: mutual(all.server),
      },
      { match: { transport_protocol: "raw_buffer" } },
    ],
    STRICT: [{ match: { transport_protocol: "tls" }, socket: mutual(all.server) }],
    SIMPLE: [{ socket: tls("Downstream", { common_tls_context: common(all.server) }) }],
    MUTUAL: [{ socket: mutual(all.server) }],
    expired: [{ socket: mutual(all.serverExpired) }],
    foreign: [{ socket: mutual(all.serverForeign) }],
  };
}

/** How a client connects: the modes of a DestinationRule's TLS settings. */
function clientModes(all: Identities): Readonly<Record<string, JsonValue | undefined>> {
  const upstream = (identity: Identity | undefined, more: object = {}, expected = serverName) => {
    const validation_context = trust(all.root, { exact: expected });
    const own = identity === undefined ? {} : { tls_certificates: certificates(identity) };
    return tls("Upstream", {
      common_tls_context: { validation_context, ...own, ...more },
      sni: "outbound_.80_._.server",
    });
  };
  const mesh = { alpn_protocols: ["istio-http/1.1", "istio", "http/1.1"] };
  return {
    DISABLE: undefined,
    SIMPLE: upstream(undefined),
    MUTUAL: upstream(all.client),
    ISTIO_MUTUAL: upstream(all.client, mesh),
    expired: upstream(all.clientExpired, mesh),
    foreign: upstream(all.clientForeign, mesh),
    otherDomain: upstream(all.clientOfOtherDomain, mesh),
    wantsOther: upstream(all.client, mesh, "spiffe://td/ns/a/sa/other"),
  };
}

const inspector = {
  name: "tls_inspector",
  typed_config: { "@type": `${type}filters.listener.tls_inspector.v3.TlsInspector` },
};
const cluster = (name: string, port: number, socket?: JsonValue) => ({
  name,
  type: "STATIC",
  connect_timeout: "2s",
  load_assignment: loadAssignment(name, port),
  ...(socket !== undefined && { transport_socket: socket }),
});
const route = (prefix: string, to: string) => ({ match: { prefix }, route: { cluster: to } });
const routes = (...all: readonly JsonValue[]): JsonValue => ({
  route_config: { name: "r", virtual_hosts: [{ name: "all", domains: ["*"], routes: [...all] }] },
});

describe.each([
  ["weft", "weft"],
  ["weft", "envoy"],
  ["envoy", "weft"],
] as const)("modes of TLS: %s to %s", (from, to) => {
  const describeHere = [from, to].includes("envoy") && envoy === undefined ? describe.skip : describe;

  describeHere("between each client and each server", () => {
    let get: (client: string, server: string) => Promise<{ status: number; body: string }>;
    beforeAll(async () => {
      const all = await identities();
      const app = await startUpstream("app", cleanup);
      const servers = Object.entries(serverModes(all));
      const [port = 0, admin = 0, serverAdmin = 0, ...ports] = await freePorts(3 + servers.length);
      const listeners = servers.map(([mode, chains], index) =>
        listener(mode, null, {
          address: loopback(ports[index] ?? 0),
          listener_filters: [inspector],
          filter_chains: chains.map(({ match, socket }, number) => ({
            ...(httpChain(routes(route("/", "app"))) as object),
            name: `${mode}-${number}`,
            ...(match !== undefined && { filter_chain_match: match }),
            ...(socket !== undefined && { transport_socket: socket }),
          })) as JsonValue,
        }),
      );
      const receiver = { clusters: [cluster("app", app)], listeners };
      const node = { id: "n", cluster: "c" };
      const bootstrap = (adminPort: number, resources: object) =>
        ({ node, admin: { address: loopback(adminPort) }, static_resources: resources }) as JsonValue;
      await run(to, bootstrap(serverAdmin, receiver), cleanup);
      const pairs = Object.entries(clientModes(all)).flatMap(([client, socket]) =>
        servers.map(([server], index) => ({ name: `/${client}/${server}`, port: ports[index] ?? 0, socket })),
      );
      const sender = {
        clusters: pairs.map(({ name, port, socket }) => cluster(name, port, socket)),
        listeners: [
          listener("in", httpChain(routes(...pairs.map(({ name }) => route(`${name}/`, name)))), {
            address: loopback(port),
          }),
        ],
      };
      await run(from, bootstrap(admin, sender), cleanup);
      get = async (client, server) => {
        const response = await fetch(`http://127.0.0.1:${port}/${client}/${server}/`);
        return { status: response.status, body: await response.text() };
      };
    }, 30_000);

    it.each([
      ["DISABLE", ["DISABLE", "PERMISSIVE"]],
      ["SIMPLE", ["SIMPLE"]],
      // Without the mesh's protocols PERMISSIVE takes TLS for the application's own, and an HTTP port has none.
      ["MUTUAL", ["STRICT", "SIMPLE", "MUTUAL"]],
      ["ISTIO_MUTUAL", ["PERMISSIVE", "STRICT", "SIMPLE", "MUTUAL"]],
      // A server that asks for no certificate does not see that it is a bad one.
      ["expired", ["SIMPLE"]],
      ["foreign", ["SIMPLE"]],
      ["otherDomain", ["SIMPLE"]],
      ["wantsOther", []],
    ])("a client with %s is answered by servers with %j alone", async (client, answering) => {
      const servers = ["DISABLE", "PERMISSIVE", "STRICT", "SIMPLE", "MUTUAL", "expired", "foreign"];
      const answered: string[] = [];
      for (const server of servers) {
        const { status, body } = await get(client, server);
        if (status === 200 && body.startsWith("app ")) answered.push(server);
        else expect([server, status]).toEqual([server, 503]);
      }
      expect(answered).toEqual(answering);
    });
  });
});
