import { isHttp, isSniffed, type Protocol } from "@weft/mesh-model";
import type { ChainMatch } from "../ir/index.ts";
import type { MtlsMode } from "../security/peer-authentication.ts";

/** What is done with connections of one kind: by match, as HTTP or as bytes, behind TLS that ends here or not. */
export interface ChainKind {
  readonly match: Pick<ChainMatch, "transport" | "applicationProtocols">;
  readonly http: boolean;
  readonly secured: boolean;
}

const meshHttp = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
const meshTcp = ["istio-peer-exchange", "istio"];
const meshAny = ["istio", "istio-peer-exchange", ...meshHttp];

const plainHttp = ["http/1.1", "h2c"];

/** HTTP that the http inspector has recognized in plain text. */
export const sniffedHttp = { transport: "raw_buffer", applicationProtocols: plainHttp } as const;

const chains: Readonly<Record<MtlsMode, Readonly<Record<"http" | "tcp" | "sniffed", readonly ChainKind[]>>>> =
  {
    PERMISSIVE: {
      http: [
        { match: { transport: "tls", applicationProtocols: meshAny }, http: true, secured: true },
        { match: { transport: "raw_buffer" }, http: true, secured: false },
      ],
      tcp: [
        { match: { transport: "tls", applicationProtocols: meshTcp }, http: false, secured: true },
        { match: { transport: "raw_buffer" }, http: false, secured: false },
        // TLS of the application's own
        { match: { transport: "tls" }, http: false, secured: false },
      ],
      sniffed: [
        { match: { transport: "tls", applicationProtocols: meshHttp }, http: true, secured: true },
        { match: sniffedHttp, http: true, secured: false },
        { match: { transport: "tls", applicationProtocols: meshTcp }, http: false, secured: true },
        { match: { transport: "raw_buffer" }, http: false, secured: false },
        { match: { transport: "tls" }, http: false, secured: false },
      ],
    },
    STRICT: {
      http: [{ match: { transport: "tls" }, http: true, secured: true }],
      tcp: [{ match: { transport: "tls" }, http: false, secured: true }],
      sniffed: [
        { match: { transport: "tls", applicationProtocols: meshHttp }, http: true, secured: true },
        { match: { transport: "tls" }, http: false, secured: true },
      ],
    },
    // Where nothing looks for TLS, whatever comes counts as plain text.
    DISABLE: {
      http: [{ match: { transport: "raw_buffer" }, http: true, secured: false }],
      tcp: [{ match: { transport: "raw_buffer" }, http: false, secured: false }],
      sniffed: [
        { match: sniffedHttp, http: true, secured: false },
        { match: { transport: "raw_buffer" }, http: false, secured: false },
      ],
    },
  };

/** The filter chains a port needs, in the order Istio lists them. */
export function chainKinds(mode: MtlsMode, protocol: Protocol): readonly ChainKind[] {
  return chains[mode][isSniffed(protocol) ? "sniffed" : isHttp(protocol) ? "http" : "tcp"];
}

/** Whether chains can only be told apart after looking for TLS, or for HTTP, in the first bytes. */
export function inspectionNeeds(kinds: readonly ChainKind[]): {
  readonly tls: boolean;
  readonly http: boolean;
} {
  return {
    tls: kinds.some(({ match }) => match.transport === "tls"),
    http: kinds.some(({ match }) => match.applicationProtocols === plainHttp),
  };
}
