import type { MeshState } from "@weft/local-mesh";

/** The parts of a local mesh's state that are looked into. */
type KnownMesh = Pick<MeshState, "pilot" | "proxies">;

/** Where one proxy's admin API is. */
export interface ProxyAdmin {
  readonly name: string;
  /** `host:port` */
  readonly admin: string;
}

/** `host:port` of the pilot to ask: the option, else the local mesh's. */
export function findPilot(state: KnownMesh | undefined, option: string | undefined): string {
  if (option !== undefined) return option;
  if (state !== undefined) return state.pilot.http;
  throw new Error(
    "no mesh found: start one (npm start), or name pilot-discovery's HTTP address with --xds-address HOST:PORT",
  );
}

/**
 * Finds a proxy's admin API: `--proxy-admin` as it is, else by name among the local mesh's proxies. A name is `POD.NAMESPACE`, `POD`
 * (in namespace default, or in the only one that has it), or the beginning of one pod's name, such as the workload's.
 */
export function findProxy(
  state: KnownMesh | undefined,
  name: string | undefined,
  proxyAdmin: string | undefined,
): ProxyAdmin {
  if (proxyAdmin !== undefined) return { name: name ?? proxyAdmin, admin: proxyAdmin };
  if (name === undefined)
    throw new Error("name a proxy (POD[.NAMESPACE]), or its admin API with --proxy-admin HOST:PORT");
  if (state === undefined) {
    throw new Error(
      `no mesh found to look for ${name} in: start one (npm start), or use --proxy-admin HOST:PORT`,
    );
  }
  const steps: ((proxy: ProxyAdmin) => boolean)[] = [
    (proxy) => proxy.name === name,
    (proxy) => proxy.name === `${name}.default`,
    (proxy) => proxy.name.startsWith(`${name}.`),
    (proxy) => matchesStart(proxy.name, name),
  ];
  for (const step of steps) {
    const found = state.proxies.filter(step);
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    if (found.length > 1) throw new Error(`${name} may be ${found.map((proxy) => proxy.name).join(" or ")}`);
  }
  const known = state.proxies.map((proxy) => proxy.name).join(", ");
  throw new Error(`no proxy ${name} in the mesh; there is ${known === "" ? "none" : known}`);
}

/** `reviews-v1` is the beginning of `reviews-v1-1.default`, and so is `reviews-v1.default`. */
function matchesStart(proxy: string, name: string): boolean {
  const [pod = "", namespace] = proxy.split(".");
  const [start = "", wanted] = name.split(".");
  return pod.startsWith(`${start}-`) && (wanted === undefined || wanted === namespace);
}
