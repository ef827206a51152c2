import type { RbacView } from "@weft/matching";
import type { ConnectionInfo, TlsInfo } from "../runtime/connection.ts";
import type { RequestView } from "../runtime/request.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";

/** A request as rules see it. */
export class StreamRbacView implements RbacView {
  readonly request: RequestView;
  readonly #info: StreamInfo;
  #principals: readonly string[] | undefined;

  constructor(request: RequestView, info: StreamInfo) {
    this.request = request;
    this.#info = info;
  }

  get destinationAddress(): string {
    return this.#info.connection.localAddress.address;
  }
  get destinationPort(): number {
    return this.#info.connection.localAddress.port;
  }
  get serverName(): string {
    return this.#info.connection.serverName ?? "";
  }
  get remoteAddress(): string {
    return this.#info.remoteAddress.address;
  }
  get sourceAddress(): string {
    return this.#info.connection.remoteAddress.address;
  }
  get directRemoteAddress(): string {
    return this.#info.connection.directRemoteAddress.address;
  }
  get principals(): readonly string[] | undefined {
    this.#principals ??= principalsOf(this.#info.connection.tls);
    return this.#principals;
  }
  metadata(filter: string): unknown {
    return this.#info.metadata.get(filter);
  }
  routeMetadata(filter: string): unknown {
    return this.#info.route?.metadata?.[filter];
  }
}

/** The names that a client has proved, in the order in which Envoy looks at them. */
export function principalsOf(tls: TlsInfo | undefined): readonly string[] | undefined {
  if (tls === undefined) return undefined;
  const { peer } = tls;
  return peer === undefined ? [""] : [...peer.uriSans, ...peer.dnsSans, peer.subject];
}

/** What a connection without HTTP has for a request: no header is there, and no path. */
const noRequest: RequestView = {
  method: "",
  path: "",
  authority: "",
  scheme: "http",
  header: () => undefined,
};

/** A connection as rules see it. */
export function connectionView(info: ConnectionInfo): RbacView {
  return {
    request: noRequest,
    destinationAddress: info.localAddress.address,
    destinationPort: info.localAddress.port,
    serverName: info.serverName ?? "",
    remoteAddress: info.remoteAddress.address,
    sourceAddress: info.remoteAddress.address,
    directRemoteAddress: info.directRemoteAddress.address,
    principals: principalsOf(info.tls),
    metadata: (filter) => info.metadata?.get(filter),
    routeMetadata: () => undefined,
  };
}
