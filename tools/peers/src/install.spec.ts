import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPeer } from "./install.ts";
import { findPeer, peersFolder } from "./locate.ts";
import type { Peer } from "./peer.ts";

const echo: Peer = {
  name: "echo",
  version: "1.2.3",
  purpose: "a peer for this test",
  env: "ECHO_BIN",
  place: "echo.sh",
  versionCommand: ["echo.sh", "--version"],
  platforms: ["linux-x64"],
  install: async ({ folder }) => {
    await writeFile(join(folder, "echo.sh"), "#!/bin/sh\necho version: 1.2.3\n", { mode: 0o755 });
  },
};

describe("installPeer()", () => {
  let cache: string;
  const lines: string[] = [];
  const install = (peer: Peer, platform = "linux-x64") =>
    installPeer(peer, { env: { WEFT_CACHE: cache }, platform, log: (line) => lines.push(line) });

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), "weft-peers-"));
    lines.length = 0;
  });
  afterEach(() => rm(cache, { recursive: true }));

  it("installs once", async () => {
    let installs = 0;
    const counted: Peer = {
      ...echo,
      install: (context) => {
        installs++;
        return echo.install(context);
      },
    };
    const first = await install(counted);
    expect(await install(counted)).toBe(first);
    expect(installs).toBe(1);
    expect(lines).toEqual([`installed: ${first}`, `there already: ${first}`]);
  });

  it("says where a peer can be installed, and what to do elsewhere", async () => {
    await expect(install(echo, "sunos-sparc")).rejects.toThrow(
      "no echo 1.2.3 for sunos-sparc, only for linux-x64; set ECHO_BIN to one of your own",
    );
  });

  it("leaves nothing of a peer that is not what it should be", async () => {
    await expect(install({ ...echo, version: "1.2.4" })).rejects.toThrow(
      /is not version 1\.2\.4; it says: version: 1\.2\.3/,
    );
    expect(await readdir(peersFolder({ WEFT_CACHE: cache }))).toEqual([]);
  });

  it("installs from two processes at once", async () => {
    const [one, other] = await Promise.all([install(echo), install(echo)]);
    expect(one).toBe(other);
    expect(await readdir(peersFolder({ WEFT_CACHE: cache }))).toEqual(["echo-1.2.3"]);
  });
});

describe("findPeer()", () => {
  it("prefers the environment variable to the cache", () => {
    expect(findPeer("envoy", { ENVOY_BIN: process.execPath })).toBe(process.execPath);
  });

  it("finds nothing in an empty cache", () => {
    expect(findPeer("envoy", { WEFT_CACHE: "/nonexistent" })).toBeUndefined();
  });

  it("rejects a variable that names no file, and an unknown name", () => {
    expect(() => findPeer("envoy", { ENVOY_BIN: "/nonexistent" })).toThrow(
      "ENVOY_BIN names /nonexistent, which is not there",
    );
    expect(() => findPeer("nginx", {})).toThrow(
      'no peer "nginx"; there is envoy, nats-server, kubernetes, coredns',
    );
  });
});
