import { freePorts } from "@weft/testkit";
import type { createCleanup } from "../../testing.ts";
import { createTestAuthority } from "../fixtures.ts";
import { common, run, secretsOf, sidecar, startApp, startSds, tls } from "./sidecars.ts";

/** For tests: which proxies stand on both sides, and how they get their secrets. */
export interface PairOptions {
  readonly from: "weft" | "envoy";
  readonly to: "weft" | "envoy";
  readonly apiType: "GRPC" | "DELTA_GRPC";
  /** The name that the sender wants the receiver to have; its own unless told. */
  readonly expected?: string | undefined;
  /** Requests after which the sender takes another connection; no limit unless told. */
  readonly maxRequestsPerConnection?: number;
  /** What is spoken between them; HTTP/1.1 unless told. */
  readonly http2?: boolean;
}

/** For tests: an identity. */
export const uri = (name: string) => `spiffe://td/ns/a/sa/${name}`;

/** For tests: two sidecars with mutual TLS between them and an application behind the second one. */
export async function startPair(options: PairOptions, cleanup: ReturnType<typeof createCleanup>) {
  const { from, to, apiType, expected = uri("server"), maxRequestsPerConnection, http2 = false } = options;
  const protocol = http2 ? "h2" : "http/1.1";
  const [port = 0, middle = 0, admin = 0, serverAdmin = 0] = await freePorts(4);
  const ca = await createTestAuthority();
  const issue = (name: string) => ca.issue({ uris: [uri(name)] });
  const app = await startApp(cleanup);
  const clientSds = await startSds(secretsOf(await issue("client"), ca.root), cleanup);
  const serverSds = await startSds(secretsOf(await issue("server"), ca.root), cleanup);
  const incoming = {
    common_tls_context: common({ prefix: "spiffe://td/" }, apiType, protocol),
    require_client_certificate: true,
  };
  const receiver = {
    port: middle,
    admin: serverAdmin,
    to: app,
    sds: serverSds.path,
    in: tls("Downstream", incoming),
  };
  await run(to, sidecar(receiver), cleanup);
  const outgoing = {
    common_tls_context: common({ exact: expected }, apiType, protocol),
    sni: "outbound_.80_._.server",
  };
  const sender = { port, admin, to: middle, sds: clientSds.path, out: tls("Upstream", outgoing) };
  await run(from, sidecar({ ...sender, maxRequestsPerConnection, http2 }), cleanup);
  const get = () => fetch(`http://127.0.0.1:${port}/`, { headers: { "x-forwarded-client-cert": "By=liar" } });
  return { ca, issue, clientSds, serverSds, admin, serverAdmin, middle, get };
}

/** For tests: the sum of the counters whose names fit. */
export async function readStats(admin: number, filter: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=${filter}`)).text();
  return text.split("\n").reduce((sum, line) => sum + Number(line.split(": ")[1] ?? 0), 0);
}
