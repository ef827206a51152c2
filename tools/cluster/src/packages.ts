import { existsSync } from "node:fs";
import { ClusterError, run } from "./command.ts";

/** What a node needs of the operating system: a file that tells that it is there, and the Debian package it is in. */
const needed: readonly (readonly [file: string, debianPackage: string])[] = [
  ["/usr/bin/containerd", "containerd"],
  ["/usr/sbin/runc", "runc"],
  ["/usr/lib/cni/bridge", "containernetworking-plugins"],
  ["/usr/sbin/conntrack", "conntrack"],
  ["/usr/sbin/iptables", "iptables"],
  ["/usr/sbin/ip", "iproute2"],
];

/**
 * Installs the Debian packages that are missing.
 * @throws ClusterError where this is no Debian, or not root
 */
export async function installPackages(log: (line: string) => void): Promise<void> {
  const missing = needed.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length === 0) return;
  if (!existsSync("/usr/bin/apt-get")) {
    throw new ClusterError(
      `a node needs ${missing.join(", ")}, and there is no apt-get here to install them with`,
    );
  }
  log(`installing ${missing.join(", ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const install = () => run("apt-get", ["install", "-y", "--no-install-recommends", ...missing], { env });
  // Package lists may be absent or older than what the archive has.
  await install().catch(async () => {
    await run("apt-get", ["update"], { env });
    await install();
  });
}
