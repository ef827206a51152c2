import type { ObjectRef } from "@weft/base";

/** When an extension runs: before tokens are checked, before policies, or after them. */
export type ExtensionPhase = "AUTHN" | "AUTHZ" | "STATS" | "UNSPECIFIED";

/** Code of users that looks at requests and answers, or at bytes. */
export interface Extension {
  /** `extensions.istio.io/trafficextension/NAMESPACE.NAME`, or `…/wasmplugin/…` */
  readonly name: string;
  /** What it looks at: requests, or the bytes of connections. */
  readonly layer: "http" | "network";
  readonly phase: ExtensionPhase;
  readonly code: ExtensionCode;
  /** Where it runs: where one of these holds, and everywhere where there is none. */
  readonly match: readonly {
    readonly client: boolean;
    readonly server: boolean;
    /** Empty: all. */
    readonly ports: readonly number[];
  }[];
  readonly origin: ObjectRef;
}

/** What an extension does. */
export type ExtensionCode =
  | { readonly kind: "lua"; readonly source: string }
  | { readonly kind: "wasm"; readonly module: WasmModule }
  /** Nothing passes: the proxy cannot run what would have to decide. */
  | { readonly kind: "deny" };

/** A module of WebAssembly, which the proxy asks for as a resource of its own. */
export interface WasmModule {
  /** `NAMESPACE.NAME` */
  readonly name: string;
  /** With a scheme: `oci://`, `http://`, `https://`, or `file://`. */
  readonly url: string;
  readonly sha256: string;
  /** Which of the plugins in the module; empty where there is one. */
  readonly rootId: string;
  /** JSON; absent where nothing is configured. */
  readonly configuration?: string;
  /** Variables that the module sees, with their values. */
  readonly variables: Readonly<Record<string, string>>;
  /** Variables that it sees as the proxy has them. */
  readonly hostVariables: readonly string[];
  /** What becomes of traffic where it does not run. */
  readonly onFailure: "open" | "closed" | "reload";
}
