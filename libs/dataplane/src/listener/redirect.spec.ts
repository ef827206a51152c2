import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, checkout, startChild } from "@weft/testkit";
import { httpChain, routeConfiguration, tcpChain } from "../testing.ts";

const namespace = `weft-redirect-${process.pid}`;
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
if (!isRoot && process.env.WEFT_REQUIRE_PEERS === "1")
  throw new Error("network namespaces need Linux and root");

const node = [process.execPath, "--no-warnings"];
const inPod = (...command: readonly string[]): string =>
  execFileSync("ip", ["netns", "exec", namespace, ...command], { encoding: "utf8", stdio: "pipe" });

/** What comes back from an address, for an application that is not the proxy. */
const ask = (to: string, port: number): string =>
  inPod(
    ...node,
    "-e",
    `process.setgid(1000); process.setuid(1000);
     const s = require("net").connect(${port}, "${to}", () => s.write("GET / HTTP/1.0\\r\\nhost: x\\r\\n\\r\\n"));
     s.setTimeout(3000, () => s.destroy());
     s.on("data", (d) => process.stdout.write(d)); s.on("error", (e) => process.stdout.write(e.code)); s.on("close", () => process.exit())`,
  );

const address = (ip: string, port: number) => ({ socket_address: { address: ip, port_value: port } });

/** As a sidecar has it: one port takes all, others are handed what was meant for them, the rest passes through. */
const bootstrap = {
  node: { id: "sidecar" },
  static_resources: {
    clusters: [
      {
        name: "PassthroughCluster",
        type: "ORIGINAL_DST",
        lb_policy: "CLUSTER_PROVIDED",
        connect_timeout: "2s",
      },
    ],
    listeners: [
      ...[address("0.0.0.0", 15001), address("::", 15001)].map((at, i) => ({
        name: i === 0 ? "virtualOutbound" : "virtualOutbound6",
        address: at,
        use_original_dst: true,
        listener_filters: [
          {
            name: "envoy.filters.listener.original_dst",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
            },
          },
        ],
        filter_chains: [tcpChain("PassthroughCluster")],
      })),
      {
        name: "10.9.0.3_9001",
        address: address("10.9.0.3", 9001),
        bind_to_port: false,
        filter_chains: [
          httpChain(
            {
              route_config: routeConfiguration("r", {
                direct_response: { status: 200, body: { inline_string: "handed over" } },
              }),
            },
            { http_protocol_options: { accept_http_10: true } },
          ),
        ],
      },
    ],
  },
};

(isRoot ? describe : describe.skip)("redirected connections (skipped without root)", () => {
  const children: Child[] = [];
  let folder = "";

  beforeAll(async () => {
    execFileSync("ip", ["netns", "add", namespace]);
    inPod("ip", "link", "set", "lo", "up");
    inPod("ip", "addr", "add", "10.9.0.3/32", "dev", "lo");
    inPod("ip", "-6", "addr", "add", "fd00::3/128", "dev", "lo");
    for (const iptables of ["iptables", "ip6tables"])
      inPod(
        ...[iptables, "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-m", "owner", "!", "--uid-owner", "1337"],
        ...["-m", "multiport", "--dports", "9000:9002", "-j", "REDIRECT", "--to-ports", "15001"],
      );
    folder = await mkdtemp(join(tmpdir(), "weft-redirect-"));
    await chmod(folder, 0o755); // the proxy runs as another user
    const file = join(folder, "bootstrap.json");
    await writeFile(file, JSON.stringify(bootstrap));
    const start = async (args: readonly string[], ready: RegExp) =>
      children.push(await startChild("ip", { args: ["netns", "exec", namespace, ...node, ...args], ready }));
    await start(
      [
        "-e",
        `require("net").createServer((s) => s.end("service")).listen(9000, "::", () => console.log("up"))`,
      ],
      /up/,
    );
    const main = join(checkout, "apps/proxy/src/main.ts");
    await start(
      [
        "-e",
        `process.setgid(1337); process.setuid(1337); process.argv.splice(1, 0, "${main}"); import("${main}")`,
        "--",
        "-c",
        file,
      ],
      /"live"/,
    );
  }, 20_000);

  afterAll(async () => {
    for (const child of children) await child.stop();
    execFileSync("ip", ["netns", "del", namespace]);
    await rm(folder, { recursive: true, force: true });
  });

  it.each(["10.9.0.3", "fd00::3"])("pass through to where they were headed: %s", (to) => {
    expect(ask(to, 9000)).toBe("service");
  });

  it("are handed to the listener of their destination", () => {
    expect(ask("10.9.0.3", 9001)).toMatch(/handed over$/);
  });

  it("end where nobody listens", () => {
    expect(ask("10.9.0.3", 9002)).toMatch(/^$|^ECONNRESET$/);
  });
});
