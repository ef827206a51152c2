import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { createJwtVerifier, Secret } from "@weft/pki";
import { freePorts } from "@weft/testkit";
import { parseAllDocuments } from "yaml";
import { type LocalCitadel, startLocalCitadel } from "../citadel.ts";
import { requestCertificate } from "./certificate-request.ts";
import type { CheckedMesh, CheckedWorkload } from "./check.ts";
import { securityChecks } from "./index.ts";
import { runChecks } from "./run-checks.ts";

/** What is wrong with the stand-in mesh; each makes one check fail. */
interface Faults {
  readonly plainEdge?: boolean;
  readonly wrongIdentity?: boolean;
  readonly ignoresStrict?: boolean;
  readonly failsWhileStrict?: boolean;
  readonly takesAnyCertificate?: boolean;
  readonly takesNoCertificate?: boolean;
  readonly tokenOfVictim?: boolean;
  readonly ignoresTokens?: boolean;
  readonly refusesAllTokens?: boolean;
  readonly ignoresPolicies?: boolean;
  readonly deniesAll?: boolean;
  readonly failsAtRotation?: boolean;
  readonly reusesConnections?: boolean;
}

const ttlMs = 20_000;
const workload = (deployment: string, namespace: string, account: string, port: number): CheckedWorkload => ({
  name: `${deployment}-abc-de.${namespace}`,
  pod: `${deployment}-abc-de`,
  namespace,
  serviceAccount: account,
  address: "127.0.0.1",
  port,
});

type Closers = (() => Promise<unknown> | unknown)[];

const folder = mkdtempSync(join(tmpdir(), "weft-security-"));
/** One for all: concurrent tests begin before what is set up for them. */
const startedCitadel: Promise<LocalCitadel> = freePorts(2).then(([grpc = 0, monitoring = 0]) =>
  startLocalCitadel({
    address: "127.0.0.1",
    ports: { grpc, monitoring },
    folder: join(folder, "citadel"),
    auditFile: join(folder, "audit.log"),
    logFile: join(folder, "citadel.log"),
    certificateTtlMs: ttlMs,
  }),
);
afterAll(async () => {
  await (await startedCitadel).close();
  rmSync(folder, { recursive: true });
});

async function listen(server: Server, closers: Closers): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port; // it listens on TCP
}

/** The object of this kind that a check has added to the configuration. */
function findSpec(configFolder: string, kind: string): unknown {
  const file = join(configFolder, "weft-check.yaml");
  if (!existsSync(file)) return undefined;
  const objects = parseAllDocuments(readFileSync(file, "utf8")).map(
    (one) => one.toJS() as Record<string, unknown>,
  );
  return objects.find((object) => object?.kind === kind)?.spec;
}

/** A mesh of one gateway and one workload that obey what is in the folder, with a real citadel. */
async function createStandIn(faults: Faults, closers: Closers): Promise<CheckedMesh> {
  const citadel = await startedCitadel;
  const configFolder = mkdtempSync(join(tmpdir(), "weft-checks-"));
  closers.push(() => rmSync(configFolder, { recursive: true }));
  const started = performance.now();
  let served = 0;
  let servedAtRotation = 0;

  const gateway: RequestListener = async (request, response) => {
    served++;
    const rules = findSpec(configFolder, "RequestAuthentication") as
      | { jwtRules: { issuer: string; jwks: string }[] }
      | undefined;
    const [rule] = rules?.jwtRules ?? [];
    const [, token] = request.headers.authorization?.split(" ") ?? [];
    let status = 200;
    if (rule !== undefined && token !== undefined && !faults.ignoresTokens) {
      const verifier = await createJwtVerifier({
        issuer: rule.issuer,
        audiences: ["shop"],
        keys: { kind: "inline", jwks: rule.jwks },
      });
      if (faults.refusesAllTokens) status = 401;
      else
        await verifier.verify(new Secret(token)).catch(() => {
          status = 401;
        });
    }
    if (faults.failsWhileStrict && findSpec(configFolder, "PeerAuthentication") !== undefined) status = 503;
    if (findSpec(configFolder, "DestinationRule") !== undefined) servedAtRotation++;
    if (faults.failsAtRotation && servedAtRotation === 3) status = 503;
    response.writeHead(status).end('{"podname":"reviews-v1-abc-de"}');
  };
  const url = `http://127.0.0.1:${await listen(createServer(gateway), closers)}`;

  const app: RequestListener = (request, response) => {
    const policy = findSpec(configFolder, "AuthorizationPolicy") as
      | { rules: { from: { source: { principals: string[] } }[] }[] }
      | undefined;
    const socket = request.socket as TLSSocket;
    const names = socket.encrypted ? (socket.getPeerX509Certificate()?.subjectAltName ?? "") : "";
    const principals = policy?.rules[0]?.from[0]?.source.principals ?? [];
    const allowed =
      policy === undefined ||
      (!faults.deniesAll &&
        (faults.ignoresPolicies || principals.some((name) => names.endsWith(`/${name}`))));
    if (allowed) response.end("reviews");
    else response.writeHead(403).end("RBAC: access denied");
  };
  const [, , reviews] = placed(0);
  await citadel.giveTokens(placed(0).map(({ pod, ...rest }) => ({ ...rest, name: pod })));
  const own = await requestCertificate({ citadel, holder: reviews, identity: reviews, ttlMs });
  const secured = createTlsServer(
    {
      cert: own.chain,
      key: own.key,
      ca: readFileSync(citadel.rootFile),
      requestCert: faults.takesNoCertificate !== true,
      rejectUnauthorized: !(faults.takesAnyCertificate || faults.takesNoCertificate),
    },
    app,
  );
  const securedPort = await listen(secured, closers);
  const plainPort = await listen(createServer(app), closers);
  // Like a PERMISSIVE or STRICT listener: the first byte tells TLS.
  const inspector = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      const strict = !faults.ignoresStrict && findSpec(configFolder, "PeerAuthentication") !== undefined;
      const isTls = head[0] === 0x16;
      if (strict && !isTls) return void socket.destroy();
      const inner = connect(isTls ? securedPort : plainPort, "127.0.0.1");
      inner.on("error", () => socket.destroy());
      inner.write(head);
      socket.pipe(inner).pipe(socket);
    });
  });
  const port = await listen(inspector, closers);
  const workloads = placed(port);
  const serial = () => Math.floor((performance.now() - started) / 300);
  return {
    url,
    configFolder,
    workloads,
    citadel: faults.tokenOfVictim
      ? {
          ...citadel,
          tokenFile: () => citadel.tokenFile({ name: reviews.pod, namespace: reviews.namespace }),
        }
      : citadel,
    certificates: async () =>
      workloads.map(({ namespace, serviceAccount }) => ({
        identity: `spiffe://cluster.local/ns/${namespace}/sa/${faults.wrongIdentity ? "other" : serviceAccount}`,
        serialNumber: String(serial()),
        notBefore: 0,
        notAfter: Date.now() + ttlMs,
      })),
    edges: async () => {
      const connections = faults.reusesConnections ? 4 : served + 4;
      const counted = { requests: 9, errors: 0, connections, p50: 1, p99: 1 };
      const edge = { from: "ingress", service: "reviews", version: "v1", ...counted };
      return [
        { ...edge, secured: connections },
        { ...edge, version: "v2", secured: faults.plainEdge ? 0 : connections },
      ];
    },
    proxies: async () => [],
    isReady: async () => true,
    problems: () => [],
    proxyStatus: async () => [],
    slowdown: async () => 1,
    stopPilot: async () => {},
    startPilot: async () => {},
  };
}

function placed(port: number) {
  return [
    workload("productpage-v1", "default", "productpage", port),
    workload("ratings-v1", "default", "ratings", port),
    workload("reviews-v1", "default", "reviews", port),
    workload("istio-ingressgateway", "istio-system", "gateway", 0),
  ] as const;
}

async function run(name: string, faults: Faults) {
  const [check] = securityChecks.filter((candidate) => candidate.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  const closers: Closers = [];
  try {
    const [row] = await runChecks([check], await createStandIn(faults, closers), () => {});
    return row;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

describe("security checks", () => {
  it.concurrent.each(securityChecks.map(({ name }) => name))(
    "%s: holds of a mesh that does as it must",
    async (name) => {
      expect(await run(name, {})).toMatchObject({ ok: true });
    },
    20_000,
  );

  it.concurrent.each<[string, Faults]>([
    ["mutual TLS between workloads", { plainEdge: true }],
    ["mutual TLS between workloads", { wrongIdentity: true }],
    ["STRICT refuses plain text", { ignoresStrict: true }],
    ["STRICT refuses plain text", { failsWhileStrict: true }],
    ["an expired or foreign certificate", { takesAnyCertificate: true }],
    ["an expired or foreign certificate", { takesNoCertificate: true }],
    ["a stolen token of another namespace", { tokenOfVictim: true }],
    ["a request with a wrong JWT", { ignoresTokens: true }],
    ["a request with a wrong JWT", { refusesAllTokens: true }],
    ["a request that a policy denies", { ignoresPolicies: true }],
    ["a request that a policy denies", { deniesAll: true }],
    ["certificates renewed under load", { failsAtRotation: true }],
    ["certificates renewed under load", { reusesConnections: true }],
  ])(
    "%s: fails of a mesh with %j",
    async (name, faults) => {
      expect(await run(name, faults)).toMatchObject({ ok: false });
    },
    20_000,
  );
});
