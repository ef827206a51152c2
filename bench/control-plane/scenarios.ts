/** A mesh of a size, and what of it is measured. */
export interface Scenario {
  readonly name: string;
  readonly services: number;
  /** Ports of each service: the first HTTP, the second gRPC, further ones HTTP. */
  readonly ports: number;
  /** Endpoints of each service. */
  readonly endpoints: number;
  /** Every n-th service has a VirtualService and a DestinationRule. */
  readonly everyNthRule: number;
  readonly proxies: number;
  /** Each namespace of proxies has a Sidecar that imports so many services; absent: no Sidecar, all proxies see all. */
  readonly sidecarScope?: number;
}

/** The scenarios by name, the first is run unless told otherwise. */
export const scenarios: readonly Scenario[] = [
  { name: "1000", services: 1_000, ports: 3, endpoints: 5, everyNthRule: 10, proxies: 100 },
  { name: "100", services: 100, ports: 3, endpoints: 5, everyNthRule: 10, proxies: 100 },
  { name: "5000", services: 5_000, ports: 3, endpoints: 5, everyNthRule: 10, proxies: 100 },
  { name: "10000", services: 10_000, ports: 3, endpoints: 5, everyNthRule: 10, proxies: 100 },
  {
    name: "scoped",
    services: 5_000,
    ports: 3,
    endpoints: 20,
    everyNthRule: 10,
    proxies: 1_000,
    sidecarScope: 20,
  },
];

/** The scenario of a name. Throws where there is none, naming those there are. */
export function findScenario(name: string | undefined): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new Error(`no scenario ${name}; there is ${scenarios.map((scenario) => scenario.name).join(", ")}`);
}
