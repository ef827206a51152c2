import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { typeUrls, type WithheldResource } from "@weft/envoy-api";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import type { RouteTable, VirtualHost } from "../ir/index.ts";
import type { IdentityMemo } from "../memo.ts";
import { toRouteConfigurationHead, toVhds, toVirtualHost } from "../routes/to-envoy.ts";
import { checkVirtualHost, type RejectedHost } from "./check-virtual-host.ts";
import { encodePieces, encodeResource, fieldHead } from "./encode-piece.ts";
import { type EncodedPiece, isSent, withhold } from "./withhold.ts";

/**
 * A route table whose virtual hosts are resources of their own: a change of one of a thousand hosts is then a thousandth of the bytes.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
export interface SplitTable {
  /** The RouteConfiguration, which tells the proxy to ask for the hosts. */
  readonly head: EncodedPiece;
  readonly hosts: readonly EncodedPiece[];
}

const virtualHostsField = RouteConfigurationSchema.field.virtualHosts.number;

/**
 * What the virtual host of a table is called as a resource. Envoy tells by it, up to the last slash, whose host it is; and as it looks
 * for what is removed among the hosts' own names, that is what the host itself is called as well.
 */
export function virtualHostResourceName(table: string, host: string): string {
  return `${table}/${host}`;
}

/** A host with a slash in its name would be taken for another table's: it stays in its table. */
function isSplit({ name }: { readonly name: string }): boolean {
  return !name.includes("/");
}

/** A virtual host as a resource of its own, or as bare bytes where it stays in its table, or why it is neither. */
export interface SplitHost {
  readonly piece?: EncodedPiece;
  readonly rejected?: RejectedHost;
}

/** Encodes a virtual host of a table, once for all versions of the table. */
export function splitHost(table: RouteTable, host: VirtualHost, memo: IdentityMemo): SplitHost {
  return memo.get([host], `split-host|${table.name}`, () => {
    const message = toVirtualHost(host);
    const rejected = checkVirtualHost(host, message);
    if (rejected) return { rejected };
    if (!isSplit(host)) {
      const any = toBinary(VirtualHostSchema, message);
      return { piece: { name: host.name, typeUrl: "", any, version: "", origin: host.origin } };
    }
    message.name = virtualHostResourceName(table.name, host.name);
    const bytes = toBinary(VirtualHostSchema, message);
    return { piece: encodeResource(message.name, typeUrls.virtualHost, bytes, host.origin) };
  });
}

/** Splits a table as it comes out of the IR. A bad virtual host is withheld alone. */
export function splitTable(table: RouteTable, memo: IdentityMemo): SplitTable {
  const { name } = table;
  const encode = (host: VirtualHost) => splitHost(table, host, memo);
  // Names and domains stand once in these tables already: whoever builds one for many hosts gives each to the first.
  const pieces: EncodedPiece[] = [];
  const left: EncodedPiece[] = [];
  for (const host of table.virtualHosts) {
    const { piece, rejected } = encode(host);
    if (piece !== undefined) pieces.push(piece);
    else if (rejected !== undefined)
      left.push(withhold(withheldHost(name, host.name, rejected.reason, rejected.origin)));
  }
  const whole = pieces.filter(({ typeUrl }) => typeUrl !== typeUrls.virtualHost);
  const inline = whole.flatMap(({ any }) => [fieldHead(virtualHostsField, any.length), any]);
  const bytes = toBinary(RouteConfigurationSchema, toRouteConfigurationHead(table, { vhds: true }));
  return {
    head: encodePieces(
      name,
      typeUrls.route,
      [bytes, ...inline],
      whole.flatMap(({ origin }) => origin),
    ),
    hosts: [...pieces.filter(({ typeUrl }) => typeUrl === typeUrls.virtualHost), ...left],
  };
}

function withheldHost(
  table: string,
  host: string,
  reason: string,
  origin: WithheldResource["origin"],
): WithheldResource {
  return { typeUrl: typeUrls.virtualHost, name: virtualHostResourceName(table, host), reason, origin };
}

/** Splits a table that is encoded already, as it comes out of its patches. Its hosts have the origin of the whole. */
export function splitEncoded(table: EncodedPiece): SplitTable {
  if (!isSent(table)) return { head: table, hosts: [] };
  const { name, origin } = table;
  const message = fromBinary(RouteConfigurationSchema, fromBinary(AnySchema, table.any).value);
  const hosts = message.virtualHosts.filter(isSplit).map((host) => {
    const named = { ...host, name: virtualHostResourceName(name, host.name) };
    return encodeResource(named.name, typeUrls.virtualHost, toBinary(VirtualHostSchema, named), origin);
  });
  const head: RouteConfiguration = {
    ...message,
    virtualHosts: message.virtualHosts.filter((host) => !isSplit(host)),
    // A proxy would wait for the hosts of a table whose hosts a patch took away.
    ...(hosts.length > 0 ? { vhds: toVhds() } : {}),
  };
  const left = (table.withheld ?? []).map(({ part = "", reason, origin: from }) =>
    withhold(withheldHost(name, part, reason, from)),
  );
  const value = toBinary(RouteConfigurationSchema, head);
  return { head: encodeResource(name, typeUrls.route, value, origin), hosts: [...hosts, ...left] };
}
