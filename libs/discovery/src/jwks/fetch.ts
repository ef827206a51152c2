import { type LookupAddress, lookup as lookupByDns } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { type BlockList, isIP, type LookupFunction } from "node:net";
import { getCACertificates } from "node:tls";
import { nodeHttp } from "@weft/base";

/** Largest document that is read, bytes: keys of an issuer take some KiB. */
export const maxDocumentBytes = 1024 * 1024;

/** How many times an answer may send elsewhere. */
const maxRedirects = 3;

/** Settings of {@link fetchDocument}. */
export interface FetchOptions {
  /** For all of it, redirects included. */
  readonly timeoutMs: number;
  /** Certificates, as PEM, that servers may be certified by besides those that Node trusts. */
  readonly authorities?: readonly string[];
  /** Addresses that are never connected to. */
  readonly blocked?: BlockList;
  /** How names are looked up; the system's way by default. */
  readonly lookup?: LookupFunction;
  readonly signal?: AbortSignal;
}

/** A document could not be fetched; the message names the URL. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

/**
 * Fetches a document over http or https: only what answers 200 counts. Redirects do not lead from https to http, and names are looked up
 * once for a connection, so that an address that is checked is the one connected to.
 * @throws FetchError
 */
export async function fetchDocument(url: string, options: FetchOptions): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  let at = parseUrl(url);
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await get(at, options, signal);
      if ("text" in answer) return answer.text;
      if (redirects === maxRedirects) throw new FetchError(`${url}: more than ${maxRedirects} redirects`);
      const next = parseUrl(new URL(answer.location, at).href);
      if (at.protocol === "https:" && next.protocol !== "https:")
        throw new FetchError(`${url}: redirects from https to ${next.protocol.slice(0, -1)}`);
      at = next;
    }
  } catch (error) {
    if (error instanceof FetchError) throw error;
    const reason = timeout.aborted ? `no answer within ${options.timeoutMs} ms` : reasonOf(error);
    throw new FetchError(`${url}: ${reason}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new FetchError(`${text}: is no URL with scheme http or https`);
  return url;
}

type Answer = { readonly text: string } | { readonly location: string };

function get(url: URL, { authorities, blocked, lookup }: FetchOptions, signal: AbortSignal): Promise<Answer> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (blocked !== undefined && isBlocked(blocked, host))
    throw new FetchError(`${url.href}: ${host} is blocked`);
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? requestHttps : nodeHttp().request;
    const sent = request(
      url,
      {
        agent: false, // fetches are rare: a connection each
        headers: { accept: "application/json" },
        signal,
        ...(authorities === undefined ? {} : { ca: [...getCACertificates("default"), ...authorities] }),
        lookup:
          blocked === undefined ? (lookup ?? lookupByDns) : lookupUnblocked(blocked, lookup ?? lookupByDns),
      },
      (response) =>
        readAnswer(url, response)
          .then(resolve, reject)
          .finally(() => sent.destroy()),
    );
    sent.on("error", reject).end();
  });
}

async function readAnswer(url: URL, response: IncomingMessage): Promise<Answer> {
  const { statusCode = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined)
    return { location: headers.location };
  if (statusCode !== 200) throw new FetchError(`${url.href}: answered ${statusCode}`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxDocumentBytes)
      throw new FetchError(`${url.href}: is larger than ${maxDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new FetchError(`${url.href}: ended early`);
  return { text: Buffer.concat(chunks).toString("utf8") };
}

function isBlocked(blocked: BlockList, address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return blocked.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** Looks a name up; a name that has a blocked address is not connected to at all. */
function lookupUnblocked(blocked: BlockList, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses = found as LookupAddress[]; // all were asked for
      if (error) return callback(error, []);
      const bad = addresses.find(({ address }) => isBlocked(blocked, address));
      if (bad !== undefined)
        return callback(new FetchError(`${hostname} is at ${bad.address}, which is blocked`), []);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      return callback(null, first?.address ?? "", first?.family ?? 4);
    });
  };
}
