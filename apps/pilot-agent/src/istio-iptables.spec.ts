import { execFileSync } from "node:child_process";
import { join } from "node:path";

const main = join(import.meta.dirname, "main.ts");
const node = [process.execPath, "--no-warnings"];
const namespace = `weft-ipt-${process.pid}`;
const isRoot = process.platform === "linux" && process.getuid?.() === 0;
if (!isRoot && process.env.WEFT_REQUIRE_PEERS === "1")
  throw new Error("network namespaces need Linux and root");

const asIstioInit = [
  "-p",
  "15001",
  "-z",
  "15006",
  "-u",
  "1337",
  "-m",
  "REDIRECT",
  "-i",
  "*",
  "-x",
  "",
  "-b",
  "*",
].concat(["-d", "15090,15021,15020", "--log_output_level=default:info"]);

/** Runs a command in the network namespace; its output. */
function inPod(...command: readonly string[]): string {
  return execFileSync("ip", ["netns", "exec", namespace, ...command], { encoding: "utf8", stdio: "pipe" });
}

const agent = (...args: readonly string[]) => inPod(...node, main, "istio-iptables", ...args);
const rules = () =>
  inPod("iptables-save")
    .replace(/^#.*\n/gm, "")
    .replace(/\[\d+:\d+\]/g, "");

/** Who answers a connection to an address: listeners answer with their own port. */
const ask = (to: string, port: number, user: number) =>
  inPod(
    ...node,
    "-e",
    `process.setgid(${user}); process.setuid(${user});
     const s = require("net").connect(${port}, "${to}"); s.setTimeout(2000, () => s.destroy());
     s.on("data", (d) => process.stdout.write(d)); s.on("error", (e) => process.stdout.write(e.code)); s.on("close", () => process.exit())`,
  );

(isRoot ? describe : describe.skip)("pilot-agent istio-iptables (skipped without root)", () => {
  let listeners: AsyncDisposable | undefined;
  beforeAll(async () => {
    const { startChild } = await import("@weft/testkit");
    execFileSync("ip", ["netns", "add", namespace]);
    inPod("ip", "link", "set", "lo", "up");
    inPod("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other");
    inPod("ip", "addr", "add", "10.9.0.2/24", "dev", "eth0");
    inPod("ip", "link", "set", "eth0", "up");
    inPod("ip", "link", "set", "other", "up");
    inPod("ip", "route", "add", "default", "via", "10.9.0.1");
    const child = await startChild("ip", {
      args: [
        ...["netns", "exec", namespace, ...node, "-e"],
        `let left = 3; for (const port of [15001, 15006, 8080])
           require("net").createServer((s) => s.end(String(port))).listen(port, () => { if (--left === 0) console.log("ready"); })`,
      ],
      ready: /ready/,
    });
    listeners = { [Symbol.asyncDispose]: () => child.stop() };
  });
  afterAll(async () => {
    await listeners?.[Symbol.asyncDispose]();
    execFileSync("ip", ["netns", "del", namespace]);
  });

  it("redirects what applications send, and what they are sent, but nothing of the proxy's own", () => {
    agent(...asIstioInit);
    // An address that is not there: only a redirection answers.
    expect(ask("10.9.0.77", 80, 1000)).toBe("15001");
    expect(ask("10.9.0.77", 80, 1337)).toMatch(/^$|EHOSTUNREACH/);
    // The application calls its own pod; the proxy sends it back to itself by the inbound side.
    expect(ask("10.9.0.2", 8080, 1000)).toBe("8080");
    expect(ask("10.9.0.2", 8080, 1337)).toBe("15006");
    expect(ask("127.0.0.1", 8080, 1337)).toBe("8080");
  }, 20_000);

  it("gives the same twice, and nothing after cleaning up", () => {
    const before = rules();
    expect(before).toContain("-A ISTIO_INBOUND -p tcp -m tcp --dport 15021 -j RETURN");
    agent(...asIstioInit);
    expect(rules()).toBe(before);
    agent(...asIstioInit, "--redirect-dns", "--capture-all-dns", "-c", "eth7", "--drop-invalid");
    agent(
      ...asIstioInit,
      "--redirect-dns",
      "--capture-all-dns",
      "-c",
      "eth7",
      "--drop-invalid",
      "--cleanup-only",
    );
    expect(rules()).not.toMatch(/ISTIO|^-A/m);
  }, 30_000);

  it("changes nothing where one rule cannot be made", () => {
    agent(...asIstioInit);
    const before = rules();
    expect(() => agent(...asIstioInit, "--istio-outbound-owner-groups", "no-such-group")).toThrow(
      /no-such-group/,
    );
    expect(rules()).toBe(before);
  }, 20_000);

  it("marks and routes in mode TPROXY", () => {
    agent(...asIstioInit, "-m", "TPROXY");
    expect(rules()).toContain("-A ISTIO_TPROXY ! -d 127.0.0.1/32 -p tcp -j TPROXY --on-port 15006");
    expect(inPod("ip", "rule")).toContain("fwmark 0x539 lookup 133");
    agent(...asIstioInit, "-m", "TPROXY", "--cleanup-only");
    expect(rules()).not.toMatch(/ISTIO|^-A/m);
    expect(inPod("ip", "rule")).not.toContain("fwmark");
  }, 20_000);

  it("prints and changes nothing with --dry-run", () => {
    expect(agent(...asIstioInit, "--dry-run")).toContain("-A ISTIO_OUTPUT -j ISTIO_REDIRECT\nCOMMIT");
    expect(rules()).not.toContain("ISTIO");
  });
});
