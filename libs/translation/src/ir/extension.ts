/** When an extension runs: before tokens are checked, before policies, or after them. */
export type ExtensionPhase = "AUTHN" | "AUTHZ" | "STATS" | "UNSPECIFIED";

/** Code that looks at requests and answers. */
export interface HttpExtension {
  /** `extensions.istio.io/trafficextension/NAMESPACE.NAME` */
  readonly name: string;
  readonly phase: ExtensionPhase;
  readonly lua: string;
  /** Where it runs: where one of these holds, and everywhere where there is none. */
  readonly match: readonly {
    readonly client: boolean;
    readonly server: boolean;
    /** Empty: all. */
    readonly ports: readonly number[];
  }[];
}
